# PSUs and SSUs drawn without replacement: ids = ~psu + ssu with a finite population correction at both stages,
#   V = (first stage) + sum over PSUs of f_h times the variance between its SSUs,
# the first stage alone, and no correction at all (R then ignores the second stage).
# Rscript two_stage.R <folder with common.R and two_stage_persons.csv> <output.csv>

paths <- commandArgs(trailingOnly = TRUE)
source(file.path(paths[1], "common.R"))
persons <- read.csv(file.path(paths[1], "two_stage_persons.csv"), colClasses = c(psu = "character"))

designs <- list(
  two_stage = svydesign(
    ids = ~ psu + ssu, strata = ~stratum, weights = ~w, fpc = ~ psu_population + ssu_population, data = persons, nest = TRUE
  ),
  first_stage = svydesign(ids = ~psu, strata = ~stratum, weights = ~w, fpc = ~psu_population, data = persons, nest = TRUE),
  none = svydesign(ids = ~ psu + ssu, strata = ~stratum, weights = ~w, data = persons, nest = TRUE)
)
also <- function(...) paste(Filter(nzchar, c(...)), collapse = "&")

domains <- c("", "sex=M", "sex=F", "age=prime", "born=foreign", "stratum=A", "stratum=B", "stratum=B&born=foreign",
  "stratum=C", "stratum=D", "stratum=E", "psu=C1", "psu=B1")
rows <- list()
for (policy in c("remove", "certainty", "adjust", "average")) {
  options(survey.lonely.psu = policy)
  for (name in names(designs)) {
    design <- designs[[name]]
    ask <- function(statistic, members) {
      # R stops at a domain without members where there are two stages.
      if (!any(members_of(persons, members))) return(invisible())
      figures <- estimate(design, statistic, members_of(persons, members))
      rows[[length(rows) + 1]] <<- row_of(name, policy, statistic, members, figures, interval_of(asked(statistic)$kind))
    }
    for (domain in domains) {
      ask("total:x", also(domain, "x=1"))
      ask("total:income", also(domain, "reports=1"))
      ask("ratio:y/x", also(domain, "x=1"))
      ask("mean:income", also(domain, "reports=1"))
      # C is taken in full: F(q) has no error at the first stage, and R's limits would hang on rounding.
      if (domain != "stratum=C" || name != "first_stage") ask("quantile:income:0.5", also(domain, "reports=1"))
    }
    for (pair in list(c("sex=F", "sex=M"), c("born=foreign", "born=native"))) {
      for (what in list(c("difference", "ratio:y/x", "x=1"), c("gap", "mean:income", "reports=1"))) {
        members <- also(pair[1], what[3])
        reference <- also(pair[2], what[3])
        figures <- contrast(design, what[1], what[2], members_of(persons, members), members_of(persons, reference))
        rows[[length(rows) + 1]] <- row_of(
          name, policy, paste0(what[1], ":", what[2]), members, figures, "identity", reference = reference
        )
      }
    }
  }
}

# "fail" stops at a lonely PSU (D) and, within a PSU of several, at a lonely SSU (PSU B1); never at a PSU or SSU that is
# alone in the population (E, and the one SSU of A2).
options(survey.lonely.psu = "fail")
fails <- function(design, members) {
  inherits(try(svytotal(~x, subset(design, members)), silent = TRUE), "try-error")
}
stopifnot(
  fails(designs$two_stage, persons$stratum == "D"), fails(designs$two_stage, persons$stratum == "B"),
  !fails(designs$two_stage, persons$stratum == "B" & persons$psu != "B1"), !fails(designs$first_stage, persons$stratum == "B"),
  !fails(designs$two_stage, persons$stratum %in% c("A", "C", "E")), !fails(designs$first_stage, persons$stratum == "E")
)
write_golden(rows, paths[2])
