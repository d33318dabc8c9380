# Weights raked to two margins (sex by age, region) in every quarter, by calibrate(calfun = "raking") and not by rake(): both
# give the same weights, but the variance after calibrate() is that of the residuals of a regression on the margins
# with the weights BEFORE calibration, exactly; rake() approximates them by ten rounds of sweeping out means.
# epsilon is 1e-13 (R's default 1e-7 would leave the last digits of the weights to the path of the iteration).
# A design that was calibrated keeps all its rows when it is subset, with weight 0 outside: residuals are of the full
# sample, and "average" counts all strata.
# Rscript calibration.R <folder with common.R, calibration_persons.csv and _margins.csv> <output.csv> <weights.csv>

paths <- commandArgs(trailingOnly = TRUE)
source(file.path(paths[1], "common.R"))
persons <- read.csv(file.path(paths[1], "calibration_persons.csv"), colClasses = c(psu = "character"))
margins <- read.csv(file.path(paths[1], "calibration_margins.csv"))

# One 0/1 column for each cell of a margin of a quarter; the last region of a quarter follows from the others.
margins <- margins[!(margins$margin == "region" & margins$code == "west"), ]
margins$column <- paste0("m", seq_len(nrow(margins)))
for (k in seq_len(nrow(margins))) {
  persons[[margins$column[k]]] <- as.numeric(
    persons$round == margins$round[k] & persons[[margins$margin[k]]] == margins$code[k]
  )
}

# Weights over the number of rounds, and so are the margins.
calibrated <- function(rounds, fpc) {
  data <- persons[persons$round %in% rounds, ]
  data$w <- data$w / length(rounds)
  asked <- margins[margins$round %in% rounds, ]
  population <- setNames(asked$total / length(rounds), asked$column)
  correction <- if (fpc == "none") NULL else ~psu_population
  design <- svydesign(ids = ~psu, strata = ~stratum, weights = ~w, fpc = correction, data = data, nest = TRUE)
  calibrate(
    design, reformulate(asked$column, intercept = FALSE), population, calfun = "raking", epsilon = 1e-13, maxit = 100
  )
}
also <- function(...) paste(Filter(nzchar, c(...)), collapse = "&")

rows <- list()
weights_after <- NULL
for (policy in c("remove", "certainty", "adjust", "average")) for (fpc in c("none", "psu_population")) {
  options(survey.lonely.psu = policy)
  for (rounds in list("2024-Q1", "2024-Q3", "2024")) {
    quarters <- if (rounds == "2024") paste0("2024-Q", 1:4) else rounds
    design <- calibrated(quarters, fpc)
    data <- design$variables
    if (rounds == "2024") weights_after <- data.frame(row = as.numeric(rownames(data)), w = 4 * weights(design))
    ask <- function(statistic, members) {
      figures <- estimate(design, statistic, members_of(data, members))
      rows[[length(rows) + 1]] <<- row_of(
        fpc, policy, statistic, members, figures, interval_of(asked(statistic)$kind), rounds = rounds
      )
    }
    for (domain in c("", "sex=M", "sex=F&age=prime", "born=foreign", "region=south", "born=foreign&region=west", "stratum=D")) {
      ask("total:x", also(domain, "x=1"))
      ask("total:y", also(domain, "y=1"))
      ask("total:income", also(domain, "reports=1"))
      ask("ratio:y/x", also(domain, "x=1"))
      ask("mean:income", also(domain, "reports=1"))
      ask("quantile:income:0.5", also(domain, "reports=1"))
    }
    for (pair in list(c("born=foreign", "born=native"), c("sex=F", "sex=M"))) {
      for (what in list(c("difference", "ratio:y/x", "x=1"), c("gap", "mean:income", "reports=1"))) {
        members <- also(pair[1], what[3])
        reference <- also(pair[2], what[3])
        figures <- contrast(design, what[1], what[2], members_of(data, members), members_of(data, reference))
        rows[[length(rows) + 1]] <- row_of(
          fpc, policy, paste0(what[1], ":", what[2]), members, figures, "identity", reference = reference, rounds = rounds
        )
      }
    }
  }
}
# What is calibrated has no variance: the total of a margin.
design <- calibrated("2024-Q1", "none")
north <- svytotal(~ I(as.numeric(region == "north")), design)
stopifnot(SE(north) < 1e-9 * coef(north))

weights_after$w <- number(weights_after$w)
write_golden(rows, paths[2])
write_golden(weights_after, paths[3])
