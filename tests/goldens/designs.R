# Standard errors, degrees of freedom and intervals of small designs: each lonely-PSU policy, with and without
# finite population correction, whole sample and domains; and a vector that was worked by hand.
# Rscript designs.R <designs_persons.csv> <designs.csv>

suppressMessages(library(survey))
options(survey.ultimate.cluster = FALSE, survey.adjust.domain.lonely = FALSE)

paths <- commandArgs(trailingOnly = TRUE)
persons <- read.csv(paths[1], colClasses = c(psu = "character"))

figures <- function(dataset, fpc, policy, statistic, members, value, se, df, interval) {
  margin <- if (df > 0) qt(0.975, df) else NA
  limits <- c(NA, NA)
  if (interval == "log") limits <- exp(log(value) + c(-1, 1) * margin * se / value)
  if (interval == "logit" && value > 0 && value < 1) {
    limits <- plogis(qlogis(value) + c(-1, 1) * margin * se / (value * (1 - value)))
  }
  number <- function(v) ifelse(is.finite(v), sprintf("%.17g", v), "")
  data.frame(
    dataset, fpc, policy, statistic, members, value = number(value), se = number(se), df, interval,
    lower = number(limits[1]), upper = number(limits[2])
  )
}

total_row <- function(domain, variable, ...) {
  total <- svytotal(reformulate(variable), domain)
  figures(..., value = as.numeric(coef(total)), se = as.numeric(SE(total)), df = degf(domain), interval = "log")
}

ratio_row <- function(domain, numerator, denominator, ...) {
  ratio <- svyratio(reformulate(numerator), reformulate(denominator), domain)
  interval <- if (numerator == "z") "none" else "logit"
  figures(..., value = as.numeric(coef(ratio)), se = as.numeric(SE(ratio)), df = degf(domain), interval = interval)
}

# A design is subset, never its data, so the PSUs without members stay counted.
design_rows <- function(design, fpc, policy) {
  options(survey.lonely.psu = policy)
  rows <- list()
  for (d in c("all", "a", "b", "c", "e")) {
    in_d <- if (d == "all") rep(TRUE, nrow(persons)) else persons$d == d
    name <- if (d == "all") "" else paste0("d=", d)
    also <- function(condition) if (name == "") condition else paste0(name, "&", condition)
    all_d <- subset(design, in_d)
    with_x <- subset(design, in_d & persons$x == 1)
    with_y <- subset(design, in_d & persons$y == 1)
    rows <- c(rows, list(
      total_row(all_d, "z", "designs_persons", fpc, policy, "total:z", name),
      total_row(all_d, "x", "designs_persons", fpc, policy, "total:x", name),
      total_row(with_x, "x", "designs_persons", fpc, policy, "total:x", also("x=1")),
      total_row(all_d, "y", "designs_persons", fpc, policy, "total:y", name),
      total_row(with_y, "y", "designs_persons", fpc, policy, "total:y", also("y=1")),
      ratio_row(with_x, "y", "x", "designs_persons", fpc, policy, "ratio:y/x", also("x=1")),
      ratio_row(with_x, "z", "x", "designs_persons", fpc, policy, "ratio:z/x", also("x=1"))
    ))
  }
  do.call(rbind, rows)
}

designs <- list(
  none = svydesign(ids = ~psu, strata = ~stratum, weights = ~w, data = persons, nest = TRUE),
  psu_population = svydesign(
    ids = ~psu, strata = ~stratum, weights = ~w, fpc = ~psu_population, data = persons, nest = TRUE
  )
)
policies <- c("remove", "certainty", "adjust", "average")
estimates <- do.call(rbind, lapply(names(designs), function(fpc) {
  do.call(rbind, lapply(policies, function(policy) design_rows(designs[[fpc]], fpc, policy)))
}))

options(survey.lonely.psu = "fail")
refused <- tryCatch({
  svytotal(~y, designs$none)
  FALSE
}, error = function(e) TRUE)
stopifnot(refused)

# The vector worked by hand: two strata of two PSUs, no correction.
hand <- data.frame(
  stratum = rep(c("A", "B"), each = 4), psu = rep(c("1", "1", "2", "2"), 2),
  w = c(10, 10, 12, 12, 20, 20, 18, 18), y = c(1, 0, 1, 1, 0, 1, 0, 0), one = 1
)
hand_design <- svydesign(ids = ~psu, strata = ~stratum, weights = ~w, data = hand, nest = TRUE)
# Replicates are centred on the full-sample estimate; centred on their own mean the ratio has SE 0.18279631.
jackknife <- as.svrepdesign(hand_design, type = "JKn", mse = TRUE)
near <- function(a, b) stopifnot(abs(a - b) < 5e-9)
near(coef(svytotal(~y, hand_design)), 54)
near(coef(svytotal(~one, hand_design)), 120)
near(vcov(svytotal(~y, hand_design)), 596)
near(SE(svytotal(~y, hand_design)), 24.41311123)
near(cv(svytotal(~y, hand_design)), 0.45209465)
near(coef(svyratio(~y, ~one, hand_design)), 0.45)
near(SE(svyratio(~y, ~one, hand_design)), 0.18258940)
near(vcov(svytotal(~y, jackknife)), 596)
near(SE(svyratio(~y, ~one, jackknife)), 0.18289403)
stopifnot(degf(hand_design) == 2)
jackknife_ratio <- svyratio(~y, ~one, jackknife)
estimates <- rbind(
  estimates,
  total_row(hand_design, "y", "hand", "none", "fail", "total:y", ""),
  total_row(hand_design, "one", "hand", "none", "fail", "total:one", ""),
  ratio_row(hand_design, "y", "one", "hand", "none", "fail", "ratio:y/one", ""),
  figures(
    "hand", "none", "JKn", "ratio:y/one", "",
    as.numeric(coef(jackknife_ratio)), as.numeric(SE(jackknife_ratio)), degf(jackknife), "logit"
  )
)

write.csv(estimates, paths[2], row.names = FALSE, quote = FALSE, eol = "\n")
