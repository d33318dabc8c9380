"""[protection] of survey.toml: how figures are kept from telling of a person beside the rules on single cells.

Here belongs the section alone; the rules on cells stand in ``reliability``, what is done in ``transforms.protection``.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.survey_base import Section


class ProtectionSection(Section):
    """[protection]: the method, and the base of rounding in persons.

    With ``suppression`` cells are hidden beside the confidential ones. With ``controlled_rounding`` every count becomes
    a multiple of the base, all that adds up still does, and nothing is hidden beside what is hidden by itself.
    """

    method: Literal["suppression", "controlled_rounding"] = "suppression"
    base: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _base_belongs_to_rounding(self) -> "ProtectionSection":
        if (self.base is not None) != (self.method == "controlled_rounding"):
            raise ValueError("base is given with method = 'controlled_rounding', and with no other")
        return self
