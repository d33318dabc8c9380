# Synthetic EU-SILC 2006 of Austria: regions as strata, households as PSUs. Income from employment by citizenship, sex
# and region: totals, means, quartiles, ratios, differences and gaps between foreigners and nationals.
# Rscript eusilc.R <folder with common.R> <persons.csv of export_eusilc.py> <output.csv>

paths <- commandArgs(trailingOnly = TRUE)
source(file.path(paths[1], "common.R"))
options(survey.lonely.psu = "fail")
persons <- read.csv(paths[2])
stopifnot(nrow(persons) == 14827)
design <- svydesign(ids = ~psu, strata = ~stratum, weights = ~w, data = persons, nest = TRUE)
also <- function(...) paste(Filter(nzchar, c(...)), collapse = "&")

rows <- list()
keep <- function(...) rows[[length(rows) + 1]] <<- row_of("none", "fail", ...)
ask <- function(statistic, members) {
  keep(statistic, members, estimate(design, statistic, members_of(persons, members)), interval_of(asked(statistic)$kind))
}
domains <- as.vector(outer(c("", "sex=M", "sex=F"), c("", "citizenship=AT", "citizenship=EU", "citizenship=Other"),
  Vectorize(function(a, b) also(a, b))))
domains <- c(domains, as.vector(outer(c("citizenship=AT", "citizenship=Other"), paste0("stratum=", sort(unique(persons$stratum))),
  Vectorize(function(a, b) also(a, b)))))
for (domain in domains) {
  ask("total:adult", also(domain, "adult=1"))
  ask("total:unemployed", also(domain, "unemployed=1"))
  ask("total:income", also(domain, "earner=1"))
  ask("ratio:unemployed/labour_force", also(domain, "labour_force=1"))
  ask("ratio:earner/adult", also(domain, "adult=1"))
  ask("mean:income", also(domain, "earner=1"))
  ask("mean:income", also(domain, "adult=1"))
  for (p in c("0.25", "0.5", "0.75")) ask(paste0("quantile:income:", p), also(domain, "earner=1"))
}
for (group in c("citizenship=EU", "citizenship=Other")) for (also_in in c("", "sex=M", "sex=F", "stratum=Vienna", "stratum=Tyrol")) {
  for (what in list(c("difference", "ratio:unemployed/labour_force", "labour_force=1"), c("difference", "ratio:earner/adult", "adult=1"),
                    c("gap", "mean:income", "earner=1"), c("difference", "total:income", "earner=1"))) {
    members <- also(group, also_in, what[3])
    reference <- also("citizenship=AT", also_in, what[3])
    figures <- contrast(design, what[1], what[2], members_of(persons, members), members_of(persons, reference))
    keep(paste0(what[1], ":", what[2]), members, figures, "identity", reference = reference)
  }
}
write_golden(rows, paths[3])
