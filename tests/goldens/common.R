# What the scripts share: how a statistic is asked of R survey, and how a row of a golden is written.
#
# Fixed for all: R's quantile rule "math" (see rule_math), Woodruff's interval by interval.type = "mean", 95 %, t with df = degf of
# the subset of the design that is in the domain (replicates: the df that the script states). The design is
# subset, never its data, so PSUs without members stay counted.

suppressMessages(library(survey))
options(survey.ultimate.cluster = FALSE, survey.adjust.domain.lonely = FALSE, OutDec = ".", scipen = 0)

number <- function(v) ifelse(is.finite(v), sprintf("%.17g", v), "")

# TRUE for the persons of "sex=F&born=foreign"; everybody for "".
members_of <- function(persons, text) {
  inside <- rep(TRUE, nrow(persons))
  for (condition in strsplit(text, "&", fixed = TRUE)[[1]]) {
    parts <- strsplit(condition, "=", fixed = TRUE)[[1]]
    inside <- inside & as.character(persons[[parts[1]]]) == parts[2]
  }
  inside
}

# qrule = "math", the smallest x with F(x) >= p. Of survey 4.1.1 it has an error: where p lies below the share of the
# smallest x, qs() takes position 1 for the last with F(x) <= p and so gives the second smallest.
rule_math <- function(x, w, p) {
  x <- x[w != 0]
  w <- w[w != 0]
  smallest <- order(x)[1]
  if (p * sum(w) < w[smallest]) x[smallest] else survey:::qrule_math(x, w, p)
}

limits_of <- function(value, se, df, interval) {
  margin <- if (is.finite(df) && df > 0) qt(0.975, df) else NA
  if (!is.finite(value) || !is.finite(se)) return(c(NA, NA))
  switch(interval,
    log = if (value > 0) exp(log(value) + c(-1, 1) * margin * se / value) else c(NA, NA),
    logit = if (value > 0 && value < 1) {
      plogis(qlogis(value) + c(-1, 1) * margin * se / (value * (1 - value)))
    } else {
      c(NA, NA)
    },
    identity = value + c(-1, 1) * margin * se,
    none = c(NA, NA)
  )
}

# "total:z", "ratio:y/x", "mean:income", "quantile:income:0.5" (Woodruff, on replicates as well) and
# "repquantile:income:0.5" (replicates only: the quantile of each replicate). A total of x is a total of 0/1.
asked <- function(statistic) {
  parts <- strsplit(statistic, ":", fixed = TRUE)[[1]]
  variables <- strsplit(parts[2], "/", fixed = TRUE)[[1]]
  list(kind = parts[1], variable = variables[1], by = variables[2], p = as.numeric(parts[3]))
}
interval_of <- function(kind) switch(kind, total = "log", ratio = "logit", mean = "log", "woodruff")

# c(value, se, df, lower, upper) of one statistic in the domain.
estimate <- function(design, statistic, members, df = NULL) {
  ask <- asked(statistic)
  domain <- subset(design, members)
  if (is.null(df)) df <- degf(domain)
  if (ask$kind %in% c("quantile", "repquantile")) {
    found <- svyquantile(
      reformulate(ask$variable), domain, ask$p, qrule = rule_math, alpha = 0.05, df = df,
      interval.type = if (ask$kind == "quantile") "mean" else "quantile"
    )[[1]]
    # Columns: quantile, lower, upper, se; R names the last otherwise for replicates.
    return(c(found[1, 1], found[1, 4], df, found[1, 2], found[1, 3]))
  }
  found <- switch(ask$kind,
    total = svytotal(reformulate(ask$variable), domain),
    mean = svymean(reformulate(ask$variable), domain),
    ratio = svyratio(reformulate(ask$variable), reformulate(ask$by), domain)
  )
  value <- as.numeric(coef(found))
  # Of nobody R gives no ratio, but a standard error of 0.
  se <- if (is.finite(value)) as.numeric(SE(found)) else NA
  c(value, se, df, limits_of(value, se, df, interval_of(ask$kind)))
}

# The same with p, the two-sided t test of 0, for two domains that share nobody: difference = members - reference, gap =
# 1 - members / reference, by svycontrast on the covariance of both (linear for a difference, an expression for a gap).
# On replicates the expression is evaluated in each replicate.
contrast <- function(design, kind, statistic, members, reference, df = NULL) {
  ask <- asked(statistic)
  stopifnot(!any(members & reference))
  # svyby has no row for a domain without members: there is then nothing to compare, and no row of the golden.
  if (!any(members) || !any(reference)) return(NULL)
  both <- subset(update(design, side_ = ifelse(members, "b", "a")), members | reference)
  if (is.null(df)) df <- degf(both)
  if (inherits(design, "survey.design") && !is.null(design$postStrata)) {
    return(contrast_of_calibrated(both, kind, ask, df))
  }
  arguments <- list(
    reformulate(ask$variable), by = ~side_, design = both, covmat = TRUE,
    FUN = switch(ask$kind, total = svytotal, mean = svymean, ratio = svyratio)
  )
  if (ask$kind == "ratio") arguments$denominator <- reformulate(ask$by)
  if (inherits(design, "svyrep.design")) arguments$return.replicates <- TRUE
  sides <- do.call(svyby, arguments)
  stopifnot(identical(names(coef(sides)), c("a", "b")))
  found <- svycontrast(sides, switch(kind, difference = quote(b - a), gap = quote(1 - b / a)))
  contrast_figures(as.numeric(coef(found)), sqrt(as.numeric(vcov(found))), df)
}
contrast_figures <- function(value, se, df) {
  c(value, se, df, limits_of(value, se, df, "identity"), 2 * pt(-abs(value / se), df))
}

# svyby(covmat = TRUE) of survey 4.1.1 stops for a calibrated design, whose subsets keep their rows. The two ratios are
# asked for together instead, each with variables that are 0 on the other side.
contrast_of_calibrated <- function(both, kind, ask, df) {
  stopifnot(ask$kind %in% c("ratio", "mean"))
  side <- as.numeric(both$variables$side_ == "b")
  below <- if (ask$kind == "ratio") both$variables[[ask$by]] else rep(1, length(side))
  above <- both$variables[[ask$variable]]
  both$variables <- cbind(
    both$variables, ya_ = above * (1 - side), yb_ = above * side, xa_ = below * (1 - side), xb_ = below * side
  )
  ratios <- svyratio(~ ya_ + yb_, ~ xa_ + xb_, both, covmat = TRUE)
  found <- svycontrast(ratios, switch(kind,
    difference = quote(`yb_/xb_` - `ya_/xa_`), gap = quote(1 - `yb_/xb_` / `ya_/xa_`)
  ))
  contrast_figures(as.numeric(coef(found)), sqrt(as.numeric(vcov(found))), df)
}

row_of <- function(design, policy, statistic, members, figures, interval, reference = "", rounds = "", before = "") {
  if (is.null(figures)) return(NULL)
  data.frame(
    design, policy, rounds, before, statistic, members, reference, value = number(figures[1]),
    se = number(figures[2]), df = number(figures[3]), interval, lower = number(figures[4]),
    upper = number(figures[5]), p = if (length(figures) > 5) number(figures[6]) else ""
  )
}

write_golden <- function(rows, path) {
  if (!is.data.frame(rows)) rows <- do.call(rbind, rows)
  write.csv(rows, path, row.names = FALSE, quote = FALSE, eol = "\n", na = "")
  message(basename(path), ": ", nrow(rows), " rows")
}
