"""What is told of a survey in each attribute of its reference metadata, in one language.

Here belongs which sentences an attribute has; their wording is ``sign_off/wording/reference_metadata.toml``. No
sentence tells of persons of a file: numbers are those of the description, or of published facts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.sign_off.texts import Words, in_language, load_concept_texts, typeset
from schemas.codes import CodeList, load_code_lists
from schemas.concepts import load_concepts, load_topics
from schemas.periods import Period
from schemas.reliability import BASE, profile_of
from schemas.survey_model import Titles
from schemas.survey_spec import SurveySpec

#: Concepts of which the classification is named, as far as the survey gives them.
_CLASSIFIED = ("economic_activity", "occupation", "status_in_employment", "status_in_employment_icse18", "education")
_COUNTRIES = ("country_of_birth", "citizenship_1", "country_of_previous_residence", "residence_one_year_ago")
_PLACES = ("institutions", "camps", "barracks", "workers_accommodation")
_METHODS = {"taylor": "TAYLOR", "replicates": "REPLICATES", "deff": "DEFF", "none": "NONE"}
_EXTRACTS = {"national": "NATIONAL", "test": "TEST", "synthetic": "SYNTHETIC"}
#: What stands before a source in the notes of ``pipelines.quality``.
_SOURCE = {"en": "Source: ", "fr": "Source : ", "es": "Fuente: "}
_RATES_LISTED = 4


def original(text: str) -> str:
    """Return free text of a specification with the marks by which it is told from words of ours."""
    return "\x02" + " ".join(text.split()).strip("\x02\x03") + "\x03"


def round_text(words: Words, row: Mapping[str, str]) -> str:
    """Return a fact of coverage and quality as a text: its value, and what is said about it.

    Args:
        words: the language.
        row: in the columns of ``pipelines.quality.COLUMNS``.
    """
    note = typeset(row[f"note_{words.language}"], words.language)
    before, separator, source = row[f"note_{words.language}"].partition(_SOURCE[words.language])
    if separator:
        note = typeset(before, words.language) + separator + original(source)
    if not row["value"] or row["unit"] in ("CODE", "TEXT"):
        return note
    value = float(row["value"])
    shown = {
        "NUMBER": lambda: words.number(value),
        "THOUSANDS": lambda: words("thousands", value=words.number(value, 3)),
        "SHARE": lambda: words.percent(value),
        "RATIO": lambda: words.number(value, 2),
    }[row["unit"]]()
    return words("value_note", value=shown, note=note) if note else shown


@dataclass(frozen=True)
class SurveyWriter:
    """Writes what is told of a survey.

    Attributes:
        spec: the survey.
        words: texts of ``reference_metadata.toml`` in one language.
        rounds: periods of the rounds that are published, in order.
    """

    spec: SurveySpec
    words: Words
    rounds: tuple[Period, ...]

    # --- small change

    def _of(self, texts: Titles) -> str:
        """Return a text of the specification that is there in three languages, without its full stop."""
        return typeset(getattr(texts, self.words.language), self.words.language).rstrip(". ")

    def _named(self, title: Mapping[str, str]) -> str:
        return typeset(title[self.words.language], self.words.language)

    def _label(self, code_list: str, code: str) -> str:
        item = next(item for item in _list(code_list).items if item.code == code)
        return typeset(getattr(item, self.words.language), self.words.language)

    def _concept(self, name: str) -> str:
        return in_language(load_concept_texts()["persons"][name].name, self.words.language)

    def _notes(self, notes: Sequence[str]) -> list[str]:
        labels = self._listed(self._label("NOTE", note) for note in notes)
        return [self.words("notes", notes=labels)] if labels else []

    def _listed(self, parts: Iterable[str]) -> str:
        return typeset("a; a", self.words.language)[1:-1].join(parts)

    def _pair(self, name: str, text: str) -> str:
        return self.words("pair", name=name, text=text)

    def _has(self, *names: str) -> bool:
        return self.spec.concepts.keys() >= set(names)

    def _texts(self, keys: Iterable[str]) -> str:
        return " ".join(self.words(key) for key in keys)

    # --- presentation

    def contact(self) -> str:
        """Who collects the survey."""
        return self.words("contact", organisation=self._of(self.spec.survey.organisation))

    def description(self) -> str:
        """What the data are."""
        kind = self._label("QUALITY_VALUE", _EXTRACTS[self.spec.survey.extract])
        return self.words("description", title=self._of(self.spec.survey.title), kind=kind)

    def classifications(self) -> str:
        """International classifications of what the survey gives."""
        named = []
        for name in _CLASSIFIED:
            if name in self.spec.concepts:
                code_list = self.spec.concepts[name].classification or load_concepts()[name].code_lists[0]
                named.append(self._pair(self._concept(name), self._named(_list(code_list).title)))
        if any(name in self.spec.concepts for name in _COUNTRIES):
            named.append(self.words("countries_iso"))
        if not named:
            return self.words("no_classifications")
        return self.words("classifications", classifications=self._listed(named))

    def residence(self) -> str:
        """Who is a usual resident."""
        population = self.spec.population
        how = "derived"
        if population.residence_by_design:
            how = "by_design"
        elif self._has("residence_status"):
            how = "given"
        return f"{self.words('residence', months=population.usual_residence_months)} {self.words(f'residence_{how}')}"

    def migration(self) -> str:
        """Which migration concepts the survey gives, and the parameters that the country chose."""
        asked = [name for name in load_topics()["migration"] if name in self.spec.concepts]
        absentees = ["absentees"] if self.spec.absentees is not None else []
        if not asked:
            return self._texts(["migration_none", *absentees])
        said = [self.words("migration_asked", names=", ".join(_lowered(self._concept(name)) for name in asked))]
        said += [self.words("by_birth")] if self._has("country_of_birth") else []
        said += [self.words("by_citizenship")] if self._has("citizenship_1") else []
        section = self.spec.migration
        if section.return_minimum_months is not None:
            said.append(self.words("return_minimum", months=section.return_minimum_months))
        if section.return_within_months is not None:
            said.append(self.words("return_within", months=section.return_within_months))
        return " ".join([*said, *map(self.words, absentees)])

    def labour_force(self) -> str:
        """By which standard labour force status is measured."""
        section = self.spec.labour_force
        if section is None:
            return self.words("status_none")
        if section.source == "building_blocks":
            said = [self.words("status_built", icls=section.icls), self.words(f"absence_{section.absence_test}")]
        elif section.self_declared:
            said = [self.words("status_self")]
        else:
            said = [self.words("status_declared", icls=section.declared_icls)]
        if self._has("wants_more_hours", "available_more_hours"):
            hours = section.underemployment_hours
            said.append(self.words("underemployment", hours=self.words.number(hours, 0 if hours == int(hours) else 1)))
        return " ".join([*said, *self._notes(section.notes)])

    def unit(self) -> str:
        """Of whom the file tells."""
        keys = ["unit_person"]
        keys += ["unit_household"] if self._has("household_id") else []
        keys += ["unit_absentee"] if self.spec.absentees is not None else []
        return self._texts(keys)

    def population(self) -> str:
        """Whom the survey covers."""
        population = self.spec.population
        said = self.words("population", coverage=self._of(population.coverage), age=population.working_age)
        return " ".join([said, *self._notes(population.notes)])

    def area(self) -> str:
        """Area, and territory where it is said."""
        said = [self.words("area", area=self._label("AREA", self.spec.survey.area))]
        if self.spec.quality is not None and self.spec.quality.territory is not None:
            said.append(self.words("territory", territory=self._of(self.spec.quality.territory)))
        return " ".join(said)

    def time(self) -> str:
        """Which rounds are published, and which are described."""
        said = []
        if self.rounds:
            key = "published" if len(self.rounds) > 1 else "published_one"
            given = {"count": len(self.rounds), "first": self.rounds[0].sdmx, "last": self.rounds[-1].sdmx}
            said.append(self.words(key, **given))
        first, last = self.spec.survey.periods.start, self.spec.survey.periods.end
        key = "described_always"
        if first is not None or last is not None:
            key = "described_until" if first is None else "described_from" if last is None else "described"
        if first is not None and first == last:
            key = "described_one"
        said.append(self.words(key, first=first.sdmx if first else "", last=last.sdmx if last else ""))
        return " ".join(said)

    # --- measure, mandate, confidentiality, release

    def measure(self) -> str:
        """Units of the figures."""
        return self._texts(["units", *(["units_earnings"] if self._has("monthly_earnings") else [])])

    def reference(self) -> str:
        """The week that questions are about, in the words of the specification."""
        return self.words("reference", week=original(self.spec.population.reference_week))

    def mandate(self) -> str:
        """Who answers for the survey."""
        return self.words("mandate", organisation=self._of(self.spec.survey.organisation))

    def confidentiality(self) -> str:
        """What is confidential."""
        if not self.spec.design.confidential_below_5:
            return self._texts(["microdata", "not_confidential"])
        n = profile_of(self.spec.reliability).n_confidential
        return f"{self.words('microdata')} {self.words('confidential', n=n)}"

    def protection(self) -> str:
        """How figures are protected."""
        section = self.spec.protection
        if section.method == "suppression":
            return self.words("suppression")
        base = [self.words("rounding_base", base=section.base)] if section.base is not None else []
        return " ".join([self.words("rounding"), *base])

    def release(self) -> str:
        """How figures are released."""
        return self.words("release")

    def dissemination(self) -> str:
        """How often figures appear."""
        annual = [] if self.spec.survey.frequency == "A" else [self.words("annual_too")]
        return " ".join([self.frequency(), *annual])

    # --- completeness and accuracy

    def completeness(self) -> str:
        """What the survey does not give, and why."""
        concepts = load_concepts()
        askable = [name for name, concept in concepts.items() if concept.origin == "source" or concept.can_be_given]
        said = [self.words("complete", given=len(self.spec.concepts), askable=len(askable))]
        reasons = [self._pair(self._concept(name), original(why)) for name, why in self.spec.not_collected.items()]
        if reasons:
            said.append(self.words("not_collected", reasons=self._listed(reasons)))
        return " ".join(said)

    def reliability(self) -> str:
        """From how many persons figures are published."""
        sets = profile_of(self.spec.reliability).rule_sets
        suppress = max(rules.n_suppress for rules in sets if rules.n_suppress is not None)
        unreliable = max(rules.n_unreliable for rules in sets if rules.n_unreliable is not None)
        said = [self.words("reliability", suppress=suppress, unreliable=unreliable)]
        section = self.spec.reliability
        if section is not None and section.profile not in (None, BASE):
            said.append(self.words("reliability_profile", profile=str(section.profile).upper()))
        if section is not None and section.thresholds:
            said.append(self.words("reliability_own"))
        return " ".join(said)

    def sampling(self) -> str:
        """How standard errors are made."""
        design, replicates = self.spec.design, self.spec.replicates
        method = self._label("QUALITY_VALUE", _METHODS[design.variance])
        said = [self.words("standard_errors", method=method if method.startswith("Taylor") else _lowered(method))]
        if design.variance != "none":
            said.append(self.words("intervals"))
        if replicates is not None:
            key = "replicates_other" if replicates.method == "other" else "replicates"
            said.append(self.words(key, count=len(replicates.variables), method=replicates.method))
        if design.deff is not None:
            said.append(self.words("deff", deff=self.words.number(design.deff, 2)))
        said.append(self.words("has_strata" if self._has("stratum") else "has_no_strata"))
        said.append(self.words("has_psu" if self._has("psu") else "has_no_psu"))
        if design.variance == "taylor":
            said.append(self.words(f"lonely_{design.lonely_psu}"))
        return " ".join(said)

    def coverage(self) -> str:
        """Who of those apart from private households is included."""
        quality = self.spec.quality
        items = [
            self._pair(
                self._label("QUALITY_ITEM", place.upper()),
                _lowered(self._label("QUALITY_VALUE", (getattr(quality, place) if quality else "unknown").upper())),
            )
            for place in _PLACES
        ]
        return self.words("coverage_items", items=self._listed(items))

    def measurement(self) -> str:
        """Answers of others, and known defects of the file; how many rows they concern stays with the office."""
        said = [self.words("proxies_told" if self._has("is_proxy") else "proxies_unknown")]
        said += [self.words("corrected")] if self.spec.corrections else []
        blank = [item.period for item in self.spec.declared if item.rule == "PSU_BLANK"]
        if blank:
            periods = dict.fromkeys(period.sdmx if period else self.words("all_periods") for period in blank)
            said.append(self.words("psu_blank", periods=", ".join(periods)))
        return " ".join(said)

    def nonresponse(self) -> str:
        """Response that the office reports, and what is done where there is none."""
        reported = self.spec.quality.rounds if self.spec.quality else ()
        rates = {item.period.sdmx: item.response_rate for item in sorted(reported, key=lambda item: item.period)}
        said = []
        if not rates:
            said.append(self.words("response_none"))
        elif len(rates) <= _RATES_LISTED:
            listed = self._listed(self._pair(period, self.words.percent(rate)) for period, rate in rates.items())
            said.append(self.words("response", rates=listed))
        else:
            low, high = (self.words.percent(limit(rates.values())) for limit in (min, max))
            ranged = self.words("response_range", count=len(rates), low=low, high=high)
            said.append(self.words("response", rates=ranged))
        said += [self.words("non_respondents")] if self._has("exclusion") else []
        return " ".join([*said, self.words("unstated")])

    # --- comparability

    def comparability(self) -> str:
        """How far figures compare with those of other countries."""
        section, age = self.spec.labour_force, self.spec.population.working_age
        said = [self.words("comparable")]
        said += [self.words("working_age_apart", age=age)] if age != 15 else []
        notes = (*self.spec.population.notes, *(section.notes if section is not None else ()))
        return " ".join([*said, *self._notes(tuple(dict.fromkeys(notes)))])

    def breaks(self) -> str:
        """From which periods on the series is another one, and why."""
        said = [
            self.words(
                "break",
                period=item.start.sdmx,
                note=self._label("NOTE", item.note),
                reason=original(item.reason),
            )
            for item in self.spec.breaks
        ]
        return " ".join(said) or self.words("no_breaks")

    def coherence(self) -> str:
        """Totals published elsewhere that rounds are compared with."""
        said = []
        for key, given in (("benchmarks", self.spec.benchmarks), ("stocks", self.spec.reference_stocks)):
            sources = dict.fromkeys(original(item.source) for item in given)
            if sources:
                said.append(self.words(key, sources=self._listed(sources)))
        return " ".join(said) or self.words("no_other_sources")

    def revision(self) -> str:
        """When figures are revised."""
        return self.words("revision")

    # --- processing

    def source(self) -> str:
        """Kind of source."""
        return self.words("source", source=self._label("SOURCE", self.spec.survey.source))

    def frequency(self) -> str:
        """How often the survey is made."""
        return self.words("frequency", frequency=self._label("FREQ", self.spec.survey.frequency))

    def collection(self) -> str:
        """Which files the office provides."""
        units = dict.fromkeys(part.unit for part in self.spec.files)
        return self.words("collection", files=", ".join(self.words(f"file_{unit}") for unit in units))

    def validation(self) -> str:
        """Which checks rounds pass."""
        return self.words("validation")

    def compilation(self) -> str:
        """How variables become concepts."""
        corrected = [self.words("corrected")] if self.spec.corrections else []
        return " ".join([self.words("compilation", concepts=len(self.spec.concepts)), *corrected])

    def adjustment(self) -> str:
        """Weights, and what they are adjusted to."""
        said = [self.words("weights")]
        said += [self.words("earnings_weight")] if self._has("earnings_weight") else []
        if self.spec.calibration is not None:
            names = [" × ".join(map(self._concept, margin.concepts)) for margin in self.spec.calibration.margins]
            said.append(self.words("calibration", margins=self._listed(names)))
        told = self.spec.quality.calibrated_on_foreigners if self.spec.quality else None
        said.append(self.words({True: "calibrated_yes", False: "calibrated_no", None: "calibrated_unknown"}[told]))
        if self.spec.pooling is not None:
            pooling = self.spec.pooling
            said.append(self.words("pooling", count=len(pooling.indicators), years=pooling.years))
        return " ".join([*said, self.words("no_seasonal")])


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _list(name: str) -> CodeList:
    return load_code_lists()[name]


#: Attribute -> what is told in it.
SENTENCES: Mapping[str, Callable[[SurveyWriter], str]] = {
    "CONTACT_ORGANISATION": SurveyWriter.contact,
    "DATA_DESCR": SurveyWriter.description,
    "CLASS_SYSTEM": SurveyWriter.classifications,
    "CONC_RESIDENCE": SurveyWriter.residence,
    "CONC_MIGRATION": SurveyWriter.migration,
    "CONC_LABOUR_FORCE": SurveyWriter.labour_force,
    "STAT_UNIT": SurveyWriter.unit,
    "STAT_POP": SurveyWriter.population,
    "REF_AREA": SurveyWriter.area,
    "COVERAGE_TIME": SurveyWriter.time,
    "UNIT_MEASURE": SurveyWriter.measure,
    "REF_PERIOD": SurveyWriter.reference,
    "INST_MANDATE": SurveyWriter.mandate,
    "CONF_POLICY": SurveyWriter.confidentiality,
    "CONF_DATA_TR": SurveyWriter.protection,
    "REL_POLICY": SurveyWriter.release,
    "FREQ_DISS": SurveyWriter.dissemination,
    "COMPLETENESS": SurveyWriter.completeness,
    "ACCURACY_OVERALL": SurveyWriter.reliability,
    "SAMPLING_ERR": SurveyWriter.sampling,
    "COVERAGE_ERR": SurveyWriter.coverage,
    "MEASUREMENT_ERR": SurveyWriter.measurement,
    "NONRESPONSE_ERR": SurveyWriter.nonresponse,
    "COMPAR_GEO": SurveyWriter.comparability,
    "COMPAR_TIME": SurveyWriter.breaks,
    "COHER_X_DOM": SurveyWriter.coherence,
    "REV_POLICY": SurveyWriter.revision,
    "SOURCE_TYPE": SurveyWriter.source,
    "FREQ_COLL": SurveyWriter.frequency,
    "COLL_METHOD": SurveyWriter.collection,
    "DATA_VALIDATION": SurveyWriter.validation,
    "DATA_COMP": SurveyWriter.compilation,
    "ADJUSTMENT": SurveyWriter.adjustment,
}
