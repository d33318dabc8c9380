# Argentine EPH 2016, third and fourth quarter, samples of the file: agglomerations as strata, dwellings as PSUs, some of
# them in both quarters. Each quarter, both stacked (weights divided by 2), and the change between them.
# Rscript eph.R <folder with common.R> <persons.csv of export_eph.py> <output.csv>

paths <- commandArgs(trailingOnly = TRUE)
source(file.path(paths[1], "common.R"))
options(survey.lonely.psu = "fail")
persons <- read.csv(paths[2], colClasses = c(psu = "character"))
stopifnot(nrow(persons) == 4000)
design_of <- function(data) svydesign(ids = ~psu, strata = ~stratum, weights = ~w, data = data, nest = TRUE)
also <- function(...) paste(Filter(nzchar, c(...)), collapse = "&")

rows <- list()
for (rounds in c("2016-Q3", "2016-Q4", "2016")) {
  data <- persons[startsWith(persons$round, rounds), ]
  data$w <- data$w / length(unique(data$round))
  design <- design_of(data)
  for (domain in c("", "sex=M", "sex=F", "born=abroad", "born=here", "born=abroad&sex=M", "born=abroad&sex=F", "stratum=33")) {
    for (what in list(c("total:x", "x=1"), c("total:y", "y=1"), c("total:income", "reports=1"), c("ratio:y/x", "x=1"),
                      c("mean:income", "reports=1"), c("quantile:income:0.5", "reports=1"))) {
      members <- also(domain, what[2])
      figures <- estimate(design, what[1], members_of(data, members))
      rows[[length(rows) + 1]] <- row_of(
        "none", "fail", what[1], members, figures, interval_of(asked(what[1])$kind), rounds = rounds
      )
    }
  }
  for (what in list(c("difference", "ratio:y/x", "x=1"), c("gap", "mean:income", "reports=1"))) {
    members <- also("born=abroad", what[3])
    reference <- also("born=here", what[3])
    figures <- contrast(design, what[1], what[2], members_of(data, members), members_of(data, reference))
    rows[[length(rows) + 1]] <- row_of(
      "none", "fail", paste0(what[1], ":", what[2]), members, figures, "identity", reference = reference, rounds = rounds
    )
  }
}
both <- design_of(persons)
for (domain in c("", "sex=M", "sex=F", "born=abroad", "born=here", "stratum=33")) {
  for (what in list(c("difference", "total:x", "x=1"), c("difference", "total:y", "y=1"), c("difference", "ratio:y/x", "x=1"),
                    c("difference", "mean:income", "reports=1"), c("gap", "mean:income", "reports=1"))) {
    inside <- members_of(persons, also(domain, what[3]))
    now <- persons$round == "2016-Q4"
    figures <- contrast(both, what[1], what[2], inside & now, inside & !now)
    rows[[length(rows) + 1]] <- row_of(
      "none", "fail", paste0(what[1], ":", what[2]), also(domain, what[3]), figures, "identity",
      rounds = "2016-Q4", before = "2016-Q3"
    )
  }
}
write_golden(rows, paths[3])
