# South African QLFS 2013-Q4 with its design, beyond the 432 cells of qlfs.R: sex x age x area type by labour force
# status, rates, usual hours (means, quartiles), differences and gaps between women and men.
# Rscript qlfs_cells.R <folder with common.R> <persons.csv of export_qlfs.py> <output.csv>

paths <- commandArgs(trailingOnly = TRUE)
source(file.path(paths[1], "common.R"))
options(survey.lonely.psu = "fail")
persons <- read.csv(paths[2], colClasses = c(psu = "character", stratum = "character", sex = "character"))
stopifnot(nrow(persons) == 87523)
persons$band <- as.character(cut(persons$age, c(-Inf, 14, 24, 54, 64, Inf), c("0-14", "15-24", "25-54", "55-64", "65+")))
persons$adult <- as.numeric(persons$status > 0)
persons$active <- as.numeric(persons$status %in% 1:2)
persons$employed <- as.numeric(persons$status == 1)
persons$unemployed <- as.numeric(persons$status == 2)
persons$outside <- as.numeric(persons$status == 3)
persons$works <- as.numeric(persons$hours > 0)
design <- svydesign(ids = ~psu, strata = ~stratum, weights = ~w, data = persons, nest = TRUE)
also <- function(...) paste(Filter(nzchar, c(...)), collapse = "&")

# Tables are small, so each statistic is asked of the subset of its cell.
rows <- list()
keep <- function(...) rows[[length(rows) + 1]] <<- row_of("none", "fail", ...)
ask <- function(statistic, members) {
  keep(statistic, members, estimate(design, statistic, members_of(persons, members)), interval_of(asked(statistic)$kind))
}
compare <- function(kind, statistic, members, reference) {
  figures <- contrast(design, kind, statistic, members_of(persons, members), members_of(persons, reference))
  keep(paste0(kind, ":", statistic), members, figures, "identity", reference = reference)
}
areas <- c("", "area=1", "area=2", "area=4", "area=5")
bands <- c("", "band=15-24", "band=25-54", "band=55-64", "band=65+")
for (area in areas) for (band in bands) {
  for (sex in c("", "sex=M", "sex=F")) {
    for (status in c("adult", "employed", "unemployed", "outside")) {
      ask(paste0("total:", status), also(sex, band, area, paste0(status, "=1")))
    }
    ask("ratio:active/adult", also(sex, band, area, "adult=1"))
    ask("ratio:unemployed/active", also(sex, band, area, "active=1"))
    ask("mean:hours", also(sex, band, area, "works=1"))
  }
  compare("difference", "ratio:unemployed/active", also("sex=F", band, area, "active=1"), also("sex=M", band, area, "active=1"))
  compare("gap", "mean:hours", also("sex=F", band, area, "works=1"), also("sex=M", band, area, "works=1"))
}
for (area in areas) for (sex in c("", "sex=M", "sex=F")) for (p in c("0.25", "0.5", "0.75")) {
  ask(paste0("quantile:hours:", p), also(sex, area, "works=1"))
}
write_golden(rows, paths[3])
