# Calibrated weights and the standard errors of what is estimated with them: calibrate(calfun = "raking"), which is
# not rake(): its variance takes the residuals of the regression on all margins at once, with the original weights.
# Rscript raking.R <folder>: writes raking_persons.csv and raking.csv

suppressMessages(library(survey))
options(survey.ultimate.cluster = FALSE, survey.adjust.domain.lonely = FALSE)
folder <- commandArgs(trailingOnly = TRUE)[1]

# --- invented persons: 25 PSUs in 6 strata (F has a single one), 3 SSUs in each, 3 or 4 persons in each SSU
set.seed(20180610, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
psus <- data.frame(stratum = rep(LETTERS[1:6], c(6, 5, 4, 6, 3, 1)), psu = sprintf("P%02d", 1:25))
psus$n_psu <- c(A = 30, B = 18, C = 12, D = 40, E = 9, F = 5)[psus$stratum]
psus$level <- rnorm(25, 0, 0.8)
ssus <- psus[rep(1:25, each = 3), ]
ssus$ssu <- rep(1:3, 25)
ssus$n_ssu <- rep(sample(8:20, 25, replace = TRUE), each = 3)
p <- ssus[rep(1:75, sample(3:4, 75, replace = TRUE)), ]
n <- nrow(p)
p$w <- round(runif(n, 20, 140), 3)
p$sex <- sample(0:1, n, replace = TRUE)
p$sex_age <- p$sex * 3 + sample(0:2, n, replace = TRUE, prob = c(3, 4, 2))
p$region <- c(A = 0, B = 1, C = 2, D = 3, E = 1, F = 0)[p$stratum]
p$citizen <- sample(c(0, 1, -2), n, replace = TRUE, prob = c(80, 14, 6))
p$d <- sample(c("a", "b"), n, replace = TRUE, prob = c(3, 1))
p$x <- rbinom(n, 1, 0.7)
p$y <- p$x * rbinom(n, 1, plogis(p$level + 0.8 * p$citizen))
p$q <- p$x * round(exp(rnorm(n, 5 + 0.3 * p$level + 0.2 * p$sex, 0.5)), 2)
# Eight rows belong to no margin: persons present who are not usual residents.
away <- sort(sample(n, 8))
p[away, c("sex", "sex_age", "region", "citizen")] <- -1
p$level <- NULL
p <- data.frame(row = 1:n, p)

# --- population totals: sums of the weights moved by up to a quarter, brought to 21,000 persons
moved <- function(category, categories, grand) {
  sums <- sapply(categories, function(k) sum(p$w[category == k]))
  t <- sums * runif(length(sums), 0.75, 1.25)
  t <- round(t * grand / sum(t))
  t[1] <- t[1] + grand - sum(t)
  t
}
grand <- 21000
by_sex_age <- moved(p$sex_age, 0:5, grand)
totals <- list(
  sex_age = by_sex_age, sex = c(sum(by_sex_age[1:3]), sum(by_sex_age[4:6])),
  region = moved(p$region, 0:3, grand), citizen = c(17300, 3700), known_citizen = c(16400, 3400)
)

# Indicators of the categories; a row of none has zeros and keeps its weight.
indicators <- function(name) {
  categories <- seq_along(totals[[name]]) - 1
  m <- sapply(categories, function(k) as.numeric(p[[sub("known_", "", name)]] == k))
  colnames(m) <- paste0(name, categories)
  m
}
# Shares among the persons whose category is known, and the sum of them and of the unknown.
shares <- function(name) {
  m <- indicators(name)
  f <- totals[[name]] / sum(totals[[name]])
  cbind(m - outer(rowSums(m), f), everybody = as.numeric(p[[name]] != -1))
}
calibrations <- list(
  # Three complete margins, one nested in another: three columns too many.
  complete = list(mm = cbind(indicators("sex_age"), indicators("region"), indicators("sex")),
                  population = unlist(totals[c("sex_age", "region", "sex")])),
  # Persons of unknown citizenship are outside the margin, whose totals leave them out.
  outside = list(mm = cbind(indicators("sex_age"), indicators("known_citizen")),
                 population = unlist(totals[c("sex_age", "known_citizen")])),
  # They are in its population: the known have the shares of the totals.
  unknown = list(mm = cbind(indicators("sex_age"), shares("citizen")),
                 population = c(totals$sex_age, 0, 0, grand))
)

calibrated <- function(design, calibration) {
  mm <- calibration$mm
  population <- as.numeric(calibration$population)
  names(population) <- colnames(mm)
  design$variables <- cbind(design$variables[setdiff(names(design$variables), colnames(mm))], mm)
  formula <- as.formula(paste("~ 0 +", paste(colnames(mm), collapse = " + ")))
  calibrate(design, formula, population, calfun = "raking", epsilon = 1e-12, maxit = 200)
}
designs <- list(
  psu = svydesign(ids = ~psu, strata = ~stratum, weights = ~w, data = p, nest = TRUE),
  two_stage = svydesign(ids = ~psu + ssu, strata = ~stratum, fpc = ~n_psu + n_ssu, weights = ~w, data = p, nest = TRUE)
)

number <- function(v) sprintf("%.17g", v)
rows <- list()
for (name in names(calibrations)) {
  for (kind in names(designs)) {
    made <- calibrated(designs[[kind]], calibrations[[name]])
    p[[paste0("w_", name)]] <- number(weights(made))
    for (policy in if (kind == "psu") c("remove", "certainty", "adjust", "average") else "remove") {
      options(survey.lonely.psu = policy)
      for (d in c("all", "a", "b")) {
        domain <- if (d == "all") made else subset(made, d == .GlobalEnv$d)
        add <- function(statistic, of) {
          rows[[length(rows) + 1]] <<- data.frame(
            calibration = name, design = kind, policy, domain = d, statistic,
            value = number(as.numeric(coef(of))), se = number(as.numeric(SE(of)))
          )
        }
        add("x", svytotal(~x, domain))
        add("y", svytotal(~y, domain))
        add("q", svytotal(~q, domain))
        add("y/x", svyratio(~y, ~x, domain))
        add("q/x", svyratio(~q, ~x, domain))
      }
    }
  }
}
for (name in c("sex_age", "sex", "region", "citizen", "known_citizen")) {
  cat(name, totals[[name]], "\n")
}
write.csv(p, file.path(folder, "raking_persons.csv"), row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, rows), file.path(folder, "raking.csv"), row.names = FALSE, quote = FALSE)
