# Eight quarters of a rotating sample: a quarter, a year (four stacked quarters, weights divided by 4), two years
# pooled (by 8), changes between quarters and between years; domains, empty domains, quantiles, differences and gaps;
# four lonely-PSU policies, with and without finite population correction.
# Rscript panel.R <folder with common.R and panel_persons.csv> <output.csv>

paths <- commandArgs(trailingOnly = TRUE)
source(file.path(paths[1], "common.R"))
panel <- read.csv(file.path(paths[1], "panel_persons.csv"), colClasses = c(psu = "character"))

# "2023+2024" are all rounds of both years, "2024-Q3" is one.
rounds_of <- function(text) {
  Reduce(`|`, lapply(strsplit(text, "+", fixed = TRUE)[[1]], function(part) startsWith(panel$round, part)))
}

# The persons of the rounds, each with its weight over the number of rounds. PSUs of the same name are the same PSU.
stacked <- function(rounds, before = "") {
  now <- rounds_of(rounds)
  then <- if (before == "") rep(FALSE, nrow(panel)) else rounds_of(before)
  stopifnot(!any(now & then))
  persons <- panel[now | then, ]
  persons$now <- now[now | then]
  size <- ave(as.numeric(factor(persons$round)), persons$now, FUN = function(codes) length(unique(codes)))
  persons$w <- persons$w / size
  persons
}

designs_of <- function(persons) {
  list(
    none = svydesign(ids = ~psu, strata = ~stratum, weights = ~w, data = persons, nest = TRUE),
    psu_population = svydesign(
      ids = ~psu, strata = ~stratum, weights = ~w, fpc = ~psu_population, data = persons, nest = TRUE
    )
  )
}
also <- function(...) paste(Filter(nzchar, c(...)), collapse = "&")

domains <- c("", "sex=M", "sex=F", "born=foreign", "born=foreign&sex=F", "age=old", "born=foreign&age=old", "stratum=B",
  "stratum=D", "stratum=E", "stratum=F&age=old&born=native&sex=M", "sex=none")
levels_of <- function(design, name, policy, persons, rounds) {
  rows <- list()
  ask <- function(statistic, members) {
    rows[[length(rows) + 1]] <<- row_of(
      name, policy, statistic, members, estimate(design, statistic, members_of(persons, members)),
      interval_of(asked(statistic)$kind), rounds = rounds
    )
  }
  for (domain in domains) {
    ask("total:x", also(domain, "x=1"))
    ask("total:y", also(domain, "y=1"))
    ask("total:income", also(domain, "reports=1"))
    ask("ratio:y/x", also(domain, "x=1"))
    # R stops at a mean or a quantile of nobody. Where all is known (B is taken in full) the limits of a quantile are
    # looked up at F(q) itself, and R's answer hangs on rounding.
    if (any(members_of(persons, also(domain, "reports=1")))) {
      ask("mean:income", also(domain, "reports=1"))
      if (domain != "stratum=B" || name == "none") for (p in c("0.25", "0.5", "0.75")) ask(paste0("quantile:income:", p), also(domain, "reports=1"))
    }
  }
  contrasts <- list(c("born=foreign", "born=native"), c("born=foreign&sex=F", "born=native&sex=F"), c("sex=F", "sex=M"))
  for (pair in contrasts) {
    for (what in list(c("difference", "ratio:y/x", "x=1"), c("gap", "mean:income", "reports=1"),
                      c("gap", "ratio:y/x", "x=1"), c("difference", "total:x", "x=1"))) {
      members <- also(pair[1], what[3])
      reference <- also(pair[2], what[3])
      figures <- contrast(
        design, what[1], what[2], members_of(persons, members), members_of(persons, reference)
      )
      rows[[length(rows) + 1]] <- row_of(
        name, policy, paste0(what[1], ":", what[2]), members, figures, "identity", reference = reference, rounds = rounds
      )
    }
  }
  rows
}
changes_of <- function(design, name, policy, persons, rounds, before) {
  rows <- list()
  for (domain in c("", "sex=F", "born=foreign", "age=old", "stratum=E", "stratum=F")) {
    for (what in list(c("difference", "total:x", "x=1"), c("difference", "total:y", "y=1"),
                      c("difference", "ratio:y/x", "x=1"), c("difference", "mean:income", "reports=1"),
                      c("gap", "total:x", "x=1"))) {
      inside <- members_of(persons, also(domain, what[3]))
      figures <- contrast(design, what[1], what[2], inside & persons$now, inside & !persons$now)
      rows[[length(rows) + 1]] <- row_of(
        name, policy, paste0(what[1], ":", what[2]), also(domain, what[3]), figures, "identity",
        rounds = rounds, before = before
      )
    }
  }
  rows
}

policies <- c("remove", "certainty", "adjust", "average")
rows <- list()
for (policy in policies) {
  # Where nothing is lonely certainty is remove: the correction is looked at under the two that differ most.
  asked_for <- function(designs) if (policy %in% c("adjust", "average")) names(designs) else "none"
  options(survey.lonely.psu = policy)
  for (rounds in c("2023-Q1", "2024-Q3", "2024", "2023+2024")) {
    persons <- stacked(rounds)
    designs <- designs_of(persons)
    for (name in asked_for(designs)) rows <- c(rows, levels_of(designs[[name]], name, policy, persons, rounds))
  }
  for (pair in list(c("2024-Q4", "2024-Q3"), c("2024-Q4", "2023-Q4"), c("2024", "2023"))) {
    persons <- stacked(pair[1], pair[2])
    designs <- designs_of(persons)
    for (name in asked_for(designs)) rows <- c(rows, changes_of(designs[[name]], name, policy, persons, pair[1], pair[2]))
  }
}

# "fail" stops, in a quarter and in a year: D has one PSU for ever.
options(survey.lonely.psu = "fail")
for (rounds in c("2024-Q3", "2024")) {
  design <- designs_of(stacked(rounds))$none
  stopifnot(inherits(try(svytotal(~x, design), silent = TRUE), "try-error"))
  stopifnot(inherits(try(svymean(~income, subset(design, reports == 1)), silent = TRUE), "try-error"))
}
# A domain outside the lonely stratum is not stopped in R, which sees the strata of the subset only. The kernel is
# asked about the full sample before any estimate is made, so that a domain cannot hide a lonely stratum.
write_golden(rows, paths[2])
