"""Fixtures of the tests of the transforms."""

import pytest

from schemas.concepts import load_concepts
from schemas.periods import Period
from schemas.survey_spec import load_survey
from tests.transforms.demo import BASE, SECTIONS, SEX_CODES, Demo, quoted
from transforms.harmonise import plan


@pytest.fixture
def survey(tmp_path):
    """Build a survey folder and plan one round of it."""

    def make(
        concepts=None, files=None, layout=("w", "s", "a"), period="2024-Q1", labour_force="", by_design="true", **kept
    ):
        lines = BASE | (concepts or {})
        for name, line in kept.items():
            lines[name] = line
        folder = tmp_path / "XAA" / "DEMO"
        contents = {
            "survey.toml": SECTIONS.format(
                concepts="\n".join(f"{name} = {line}" for name, line in lines.items() if line),
                labour_force=labour_force,
                by_design=by_design,
            ),
            "NOTES.md": "# Demonstration\n",
            "layout.csv": "variable,label,start,width\n" + "".join(f"{quoted(name)},,,\n" for name in layout),
            "codes/sex.csv": SEX_CODES,
        } | (files or {})
        for name, text in contents.items():
            if text is None:
                continue
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        spec = load_survey(folder)
        return Demo(spec, plan(spec, load_concepts(), Period.parse(period)))

    return make
