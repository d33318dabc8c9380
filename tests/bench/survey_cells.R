# Time that R survey needs for a cell, by kind of measure, on the persons that Python exported. Each kind is measured in
# the ways that R offers (a call per cell; svyby over a table; svytotal of an interaction), and the fastest counts.
# Reading the file, making the design and degrees of freedom (degf of every domain) are left out, in R's favour.
#   Rscript survey_cells.R PERSONS.csv          prints: kind, way, cells, CPU seconds
suppressPackageStartupMessages(library(survey))
options(survey.lonely.psu = "adjust", warn = -1)

persons <- read.csv(commandArgs(trailingOnly = TRUE)[1], stringsAsFactors = TRUE, na.strings = "")
design <- svydesign(ids = ~psu, strata = ~stratum, weights = ~weight, data = persons, nest = TRUE)
told <- subset(design, !is.na(earnings))
sexes <- levels(persons$sex)
bands <- levels(persons$age_band)
cells <- head(expand.grid(sex = sexes, age_band = bands, stringsAsFactors = FALSE), 12)

timed <- function(kind, way, count, expression) {
  gc()
  spent <- system.time(expression)
  cat(kind, way, count, spent[["user.self"]] + spent[["sys.self"]], sep = ",")
  cat("\n")
}
each <- function(from, make) {
  for (row in seq_len(nrow(cells))) {
    own <- cells[row, ]
    # A comparison fails where one of its sides has nobody.
    try(make(subset(from, sex == own$sex & age_band == own$age_band)), silent = TRUE)
  }
}
size <- length(sexes) * length(bands)

timed("count", "svytotal per cell", nrow(cells), each(design, function(here) svytotal(~employed, here)))
timed("count", "svyby", size, svyby(~employed, ~sex + age_band, design, svytotal))
timed("count", "svytotal of an interaction", size, svytotal(~interaction(sex, age_band), subset(design, employed == 1)))
timed("rate", "svyratio per cell", nrow(cells), each(design, function(here) svyratio(~unemployed, ~labour_force, here)))
timed("rate", "svyby", size, svyby(~unemployed, ~sex + age_band, design, svyratio, denominator = ~labour_force))
timed("mean", "svymean per cell", nrow(cells), each(told, function(here) svymean(~earnings, here)))
timed("mean", "svyby", size, svyby(~earnings, ~sex + age_band, told, svymean))
median_of <- function(here) svyquantile(~earnings, here, 0.5, qrule = "math", interval.type = "mean")
timed("median", "svyquantile per cell", nrow(cells), each(told, median_of))
timed("median", "svyby", size, svyby(~earnings, ~sex + age_band, told, svyquantile, quantiles = 0.5, ci = TRUE,
                                    qrule = "math", interval.type = "mean"))
timed("difference", "svyby and svycontrast", nrow(cells), each(design, function(here) {
  both <- svyby(~unemployed, ~born, here, svyratio, denominator = ~labour_force, covmat = TRUE)
  svycontrast(both, c(1, -1))
}))
timed("gap", "svyby and svycontrast", nrow(cells), each(told, function(here) {
  both <- svyby(~earnings, ~born, here, svymean, covmat = TRUE)
  svycontrast(both, quote(1 - FOREIGN / NATIVE))
}))
