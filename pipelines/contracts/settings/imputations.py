"""`enrichment.yml`, key `imputations`: attributes that are guessed where no source states them."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from pipelines.contracts.settings.fields import Settings
from pipelines.contracts.settings.sensitive_subjects import touched_subject

AttributeKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class ImputationSettings(Settings):
    """A yes-or-no statement about people, learnt from those whose sources state it.

    Attributes:
        attribute: Key in the attributes of the golden record.
        positive_values: Stated values that mean yes; any other stated value means no.
        minimum_area: Area under the curve on people left out, below which nothing is published.
        minimum_people: People with a stated value that it takes.
        minimum_positives: People of the rarer answer that it takes.
    """

    attribute: AttributeKey
    positive_values: Annotated[tuple[Label, ...], Field(min_length=1)]
    minimum_area: Annotated[float, Field(ge=0.6, le=1)] = 0.70
    minimum_people: Annotated[int, Field(ge=50)] = 200
    minimum_positives: Annotated[int, Field(ge=25)] = 50

    @model_validator(mode="after")
    def _is_nobodys_secret(self) -> Self:
        for text in (self.attribute, *self.positive_values):
            subject = touched_subject(text)
            if subject is not None:
                raise ValueError(f"{text!r} touches a sensitive subject ({subject}) and is not imputed")
        return self


def require_harmless_names(imputations: dict[str, ImputationSettings]) -> dict[str, ImputationSettings]:
    """Names become traits, so the same holds for them."""
    for name in imputations:
        subject = touched_subject(name)
        if subject is not None:
            raise ValueError(f"{name!r} touches a sensitive subject ({subject}) and is not imputed")
    return imputations
