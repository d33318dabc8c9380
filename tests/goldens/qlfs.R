# Totals, rates, standard errors and degrees of freedom of the South African QLFS 2013-Q4, by sex and age.
# Rscript qlfs.R <persons.csv of export_qlfs.py> <output.csv>

suppressMessages(library(survey))
options(survey.lonely.psu = "fail", survey.ultimate.cluster = FALSE)

paths <- commandArgs(trailingOnly = TRUE)
persons <- read.csv(paths[1], colClasses = c(psu = "character", stratum = "character", sex = "character"))
stopifnot(nrow(persons) == 87523)

sexes <- list(SEX_T = rep(TRUE, nrow(persons)), SEX_M = persons$sex == "M", SEX_F = persons$sex == "F")
ages <- list(
  AGE_AGGREGATE_TOTAL = c(15, Inf), "AGE_AGGREGATE_Y15-24" = c(15, 24), "AGE_AGGREGATE_Y25-54" = c(25, 54),
  "AGE_AGGREGATE_Y55-64" = c(55, 64), AGE_AGGREGATE_YGE65 = c(65, Inf),
  AGE_10YRBANDS_TOTAL = c(15, Inf), "AGE_10YRBANDS_Y15-24" = c(15, 24), "AGE_10YRBANDS_Y25-34" = c(25, 34),
  "AGE_10YRBANDS_Y35-44" = c(35, 44), "AGE_10YRBANDS_Y45-54" = c(45, 54), "AGE_10YRBANDS_Y55-64" = c(55, 64),
  AGE_10YRBANDS_YGE65 = c(65, Inf),
  AGE_YTHADULT_YGE15 = c(15, Inf), "AGE_YTHADULT_Y15-64" = c(15, 64), "AGE_YTHADULT_Y15-24" = c(15, 24),
  AGE_YTHADULT_YGE25 = c(25, Inf)
)
universes <- list(
  POP_XWAP_SEX_AGE_NB = persons$status > 0,
  EAP_TEAP_SEX_AGE_NB = persons$status %in% 1:2,
  EMP_TEMP_SEX_AGE_NB = persons$status == 1,
  UNE_TUNE_SEX_AGE_NB = persons$status == 2,
  EIP_TEIP_SEX_AGE_NB = persons$status == 3
)
rates <- list(
  EAP_DWAP_SEX_AGE_RT = c("EAP_TEAP_SEX_AGE_NB", "POP_XWAP_SEX_AGE_NB"),
  EMP_DWAP_SEX_AGE_RT = c("EMP_TEMP_SEX_AGE_NB", "POP_XWAP_SEX_AGE_NB"),
  UNE_DEAP_SEX_AGE_RT = c("UNE_TUNE_SEX_AGE_NB", "EAP_TEAP_SEX_AGE_NB"),
  EIP_DWAP_SEX_AGE_RT = c("EIP_TEIP_SEX_AGE_NB", "POP_XWAP_SEX_AGE_NB")
)

cells <- expand.grid(classif1 = names(ages), sex = names(sexes), stringsAsFactors = FALSE)
in_cell <- sapply(seq_len(nrow(cells)), function(k) {
  limits <- ages[[cells$classif1[k]]]
  sexes[[cells$sex[k]]] & persons$age >= limits[1] & persons$age <= limits[2]
})

# Every person stays in the design: a domain is an indicator variable, so empty PSUs still count.
design <- svydesign(ids = ~psu, strata = ~stratum, weights = ~w, data = persons, nest = TRUE)
columns <- function(members) matrix(as.numeric(members & in_cell), nrow = nrow(persons))

count_rows <- lapply(names(universes), function(measure) {
  total <- svytotal(columns(universes[[measure]]), design)
  data.frame(
    measure = measure, sex = cells$sex, classif1 = cells$classif1, value = as.numeric(coef(total)),
    se = as.numeric(SE(total)),
    df = sapply(seq_len(ncol(in_cell)), function(k) degf(subset(design, universes[[measure]] & in_cell[, k])))
  )
})
rate_rows <- lapply(names(rates), function(measure) {
  numerator <- universes[[rates[[measure]][1]]]
  denominator <- universes[[rates[[measure]][2]]]
  do.call(rbind, lapply(seq_len(nrow(cells)), function(k) {
    domain <- subset(design, denominator & in_cell[, k])
    member <- as.numeric(numerator[denominator & in_cell[, k]])
    ratio <- svyratio(matrix(member), matrix(rep(1, length(member))), domain)
    data.frame(
      measure = measure, sex = cells$sex[k], classif1 = cells$classif1[k],
      value = as.numeric(coef(ratio)), se = as.numeric(SE(ratio)), df = degf(domain)
    )
  }))
})

estimates <- do.call(rbind, c(count_rows, rate_rows))
estimates <- estimates[order(estimates$measure, estimates$sex, estimates$classif1, method = "radix"), ]
estimates$value <- sprintf("%.17g", estimates$value)
estimates$se <- sprintf("%.17g", estimates$se)
write.csv(estimates, paths[2], row.names = FALSE, quote = FALSE, eol = "\n")
