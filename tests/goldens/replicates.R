# Replicate weights that stand in the file, one design for each method, with mse = TRUE (centred on the estimate of
# the full sample) and mse = FALSE (on the mean of the replicates). V = scale * sum of rscales * squares, with
#   BRR 1/R, Fay 1/(R (1 - rho)^2), JK1 (R - 1)/R, JK2 1, JKn 1 and rscales (n_h - 1)/n_h, bootstrap 1/R (R's own default is
#   1/(R - 1)), SDR (type "successive-difference") 4/R, other: constants that follow no method.
# Degrees of freedom are stated here, not found from the rank of the weights. Differences and gaps are made in each replicate.
# A replicate in which a domain has no weight gives no ratio: R discards it, with a warning, and leaves the scale.
# Rscript replicates.R <folder with common.R and replicates_persons.csv> <output.csv> <scales.csv>

paths <- commandArgs(trailingOnly = TRUE)
source(file.path(paths[1], "common.R"))
persons <- read.csv(file.path(paths[1], "replicates_persons.csv"), check.names = FALSE)

jkn_sizes <- c(rep(5, 5), rep(4, 4), rep(4, 4), rep(3, 3))
methods <- list(
  BRR = list(type = "BRR", scale = 1 / 16, df = 8),
  Fay = list(type = "Fay", rho = 0.3, scale = 1 / (16 * 0.7^2), df = 8),
  JK1 = list(type = "JK1", scale = 15 / 16, df = 15),
  JK2 = list(type = "JK2", scale = 1, df = 8),
  JKn = list(type = "JKn", scale = 1, rscales = (jkn_sizes - 1) / jkn_sizes, df = 12),
  bootstrap = list(type = "bootstrap", scale = 1 / 24, df = 23),
  SDR = list(type = "successive-difference", scale = 4 / 16, df = 15),
  other = list(type = "other", scale = 0.3, rscales = c(0.5, 1, 2, 0, 1.25, 1, 1, 0.75, 1, 3), df = 9)
)
weights_of <- function(method) as.matrix(persons[, grep(paste0("^", method, "[0-9]+$"), names(persons))])
design_of <- function(method, mse) {
  given <- methods[[method]]
  r <- ncol(weights_of(method))
  arguments <- list(
    data = persons[, !grepl("[0-9]$", names(persons))], weights = ~w, repweights = weights_of(method), type = given$type,
    combined.weights = TRUE, mse = mse
  )
  if (!is.null(given$rho)) arguments$rho <- given$rho
  # R computes these itself and says so when they are given.
  if (given$type %in% c("JK1", "JKn", "bootstrap", "other")) {
    arguments$scale <- given$scale
    arguments$rscales <- if (is.null(given$rscales)) rep(1, r) else given$rscales
  }
  design <- suppressWarnings(do.call(svrepdesign, arguments))
  stopifnot(abs(design$scale - given$scale) < 1e-15, length(design$rscales) == r)
  design
}
scales <- do.call(rbind, lapply(names(methods), function(method) {
  design <- design_of(method, TRUE)
  data.frame(method, replicate = seq_along(design$rscales), scale = number(design$scale), rscale = number(design$rscales))
}))

# What the weights must do if they are what they are called: R's own jackknives of the same sample, and, for a total,
# the variance between pairs.
near <- function(a, b) stopifnot(isTRUE(all.equal(as.numeric(a), as.numeric(b), tolerance = 1e-8)))
paired <- svydesign(ids = ~psu, strata = ~pair, weights = ~w, data = persons)
persons$jkn_stratum <- rep(1:4, c(5, 4, 4, 3))[persons$psu + 1]
jkn <- as.svrepdesign(svydesign(ids = ~psu, strata = ~jkn_stratum, weights = ~w, data = persons), type = "JKn", mse = TRUE)
jk1 <- as.svrepdesign(svydesign(ids = ~psu, weights = ~w, data = persons), type = "JK1", mse = TRUE)
near(weights(jkn, "analysis"), weights_of("JKn"))
near(weights(jk1, "analysis"), weights_of("JK1"))
near(jkn$rscales, methods$JKn$rscales)
near(jk1$scale, methods$JK1$scale)
for (method in c("BRR", "Fay", "JK2")) near(SE(svytotal(~x, design_of(method, TRUE))), SE(svytotal(~x, paired)))

# The gap of two medians, in each replicate.
gap_of_quantiles <- function(design, p, members, reference, df) {
  quantile_of <- function(w, inside) rule_math(persons$income[inside], w[inside], p)
  found <- withReplicates(design, function(w, data) 1 - quantile_of(w, members) / quantile_of(w, reference))
  contrast_figures(as.numeric(coef(found)), as.numeric(SE(found)), df)
}
also <- function(...) paste(Filter(nzchar, c(...)), collapse = "&")

rows <- list()
for (method in names(methods)) for (mse in c(TRUE, FALSE)) {
  design <- design_of(method, mse)
  df <- methods[[method]]$df
  name <- paste(method, if (mse) "mse" else "mean")
  keep <- function(statistic, members, figures, interval, reference = "") {
    rows[[length(rows) + 1]] <<- row_of(name, "", statistic, members, figures, interval, reference = reference)
  }
  for (domain in c("", "sex=M", "sex=F", "born=foreign", "sex=F&born=foreign", "age=old", "rare=1")) {
    for (what in list(c("total:x", "x=1"), c("total:y", "y=1"), c("total:income", "reports=1"), c("ratio:y/x", "x=1"),
                      c("mean:income", "reports=1"), c("quantile:income:0.5", "reports=1"),
                      c("repquantile:income:0.5", "reports=1"), c("repquantile:income:0.25", "reports=1"))) {
      # A quantile of a replicate without weights stops R.
      if (domain == "rare=1" && grepl("quantile", what[1])) next
      members <- also(domain, what[2])
      figures <- suppressWarnings(estimate(design, what[1], members_of(persons, members), df))
      interval <- if (startsWith(what[1], "repq")) "identity" else interval_of(asked(what[1])$kind)
      keep(what[1], members, figures, interval)
    }
  }
  for (pair in list(c("born=foreign", "born=native"), c("sex=F", "sex=M"), c("sex=F&born=foreign", "sex=F&born=native"))) {
    for (what in list(c("difference", "ratio:y/x", "x=1"), c("difference", "total:x", "x=1"),
                      c("gap", "mean:income", "reports=1"), c("gap", "repquantile:income:0.5", "reports=1"))) {
      members <- also(pair[1], what[3])
      reference <- also(pair[2], what[3])
      arguments <- list(members_of(persons, members), members_of(persons, reference), df)
      figures <- if (startsWith(what[2], "repq")) {
        do.call(gap_of_quantiles, c(list(design, 0.5), arguments))
      } else {
        do.call(contrast, c(list(design, what[1], what[2]), arguments))
      }
      keep(paste0(what[1], ":", what[2]), members, figures, "identity", reference)
    }
  }
}
write_golden(rows, paths[2])
write_golden(scales, paths[3])
