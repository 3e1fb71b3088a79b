"""`enrichment.yml`, key `identity`: what makes two source records one person, and what never does."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from pipelines.contracts.settings.fields import Settings, Share

CountryCode = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
Domain = Annotated[str, StringConstraints(pattern=r"^[^\s@]+\.[^\s@]+$", to_lower=True)]
#: Plain names only: it becomes a path into the JSON object of the record.
AttributeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]


class MailProvider(Settings):
    """What a mail provider ignores in an address: other spellings of one mailbox.

    Attributes:
        domains: Domains of the provider.
        ignores_tag: Whether `ann+shop@` is the mailbox `ann@`.
        ignores_dots: Whether `a.n.n@` is the mailbox `ann@`.
        are_aliases: Whether the same name is the same mailbox on all of the domains.
    """

    domains: Annotated[tuple[Domain, ...], Field(min_length=1)]
    ignores_tag: bool = True
    ignores_dots: bool = False
    are_aliases: bool = False


class IdentifierConfidence(Settings):
    """Declared, not measured: how often records that share an identifier are one person.

    Families share phones more than mailboxes. The weaker of two edges is broken first.
    """

    loyalty_id: Share = 0.99
    email: Share = 0.95
    phone: Share = 0.9


class SurvivorshipSettings(Settings):
    """Which record a golden value is taken from: a verified one, then the newest, then what most say.

    Attributes:
        verified_sources: Attribute or channel (`first_name`, `email`, `sms`, `post`) → sources that
            verify it, as a shop that sends a confirmation does; their values go before newer ones.
    """

    verified_sources: dict[str, tuple[str, ...]] = {}


class IdentitySettings(Settings):
    """How records are matched; the addresses that are written to stay as they were entered.

    Attributes:
        phone_country: Country of phone numbers without one, where the record has none either.
        mail_providers: Spellings of one mailbox; at other domains every address is its own mailbox.
        role_mailboxes: Names of mailboxes that belong to a role and are not used for matching.
        placeholder_phones: Digits that people type to get past a form.
        maximum_records_per_identifier: An identifier in more records belongs to a counter, not to a person.
        maximum_birth_dates: Different birth dates that one person's records may state.
        loyalty_attribute: Key in `attributes` that holds the number of a loyalty card; it links records,
            and records with different numbers are different people.
        confidence: How sure a shared identifier is.
        survivorship: Which record a golden value is taken from.
        probabilistic: Whether records are also linked by likeness; it takes effect once the job
            `train_identity_model` has published a model.
        maximum_training_records: Records that the model is trained on; people are drawn by family name.
        minimum_link_probability: Pairs that the model finds less likely are not looked at further.
        absent_pair_weight: Match weight (log2 of the odds) of two records that were never compared.
        tells_households_apart: Whether likeness never joins two records with unlike first names and no
            birth date in common, or with birth years a generation apart. Where nobody shares an address,
            as among business contacts, it only costs.
        generation_years: From how many years on birth years are a generation apart.
        cut_weight: Groups whose mean match weight is lower stay apart.
    """

    phone_country: CountryCode | None = None
    mail_providers: tuple[MailProvider, ...] = (
        MailProvider(domains=("gmail.com", "googlemail.com"), ignores_dots=True, are_aliases=True),
        MailProvider(domains=("outlook.com", "hotmail.com", "live.com")),
        MailProvider(domains=("icloud.com", "me.com", "mac.com")),
        MailProvider(domains=("proton.me", "protonmail.com", "pm.me")),
        MailProvider(domains=("fastmail.com",)),
    )
    role_mailboxes: tuple[str, ...] = (
        "admin", "billing", "contact", "hello", "help", "hr", "info", "jobs", "mail", "marketing", "no-reply",
        "nobody", "noreply", "none", "office", "orders", "postmaster", "sales", "service", "shop", "support",
        "test", "unknown", "webmaster",
    )  # fmt: skip
    placeholder_phones: tuple[str, ...] = (
        "1234567",
        "12345678",
        "123456789",
        "1234567890",
        "0123456789",
    )
    maximum_records_per_identifier: Annotated[int, Field(ge=2, le=10_000)] = 5
    maximum_birth_dates: Annotated[int, Field(ge=1, le=100)] = 1
    loyalty_attribute: AttributeName | None = None
    confidence: IdentifierConfidence = IdentifierConfidence()
    survivorship: SurvivorshipSettings = SurvivorshipSettings()
    probabilistic: bool = False
    maximum_training_records: Annotated[int, Field(ge=1_000, le=5_000_000)] = 100_000
    minimum_link_probability: Annotated[float, Field(gt=0, lt=1)] = 0.2
    absent_pair_weight: Annotated[float, Field(ge=-50, le=50)] = -4.0
    tells_households_apart: bool = True
    generation_years: Annotated[int, Field(ge=1, le=100)] = 15
    cut_weight: Annotated[float, Field(ge=-50, le=50)] = -3.0

    @model_validator(mode="after")
    def _what_was_never_compared_is_apart(self) -> "IdentitySettings":
        if self.absent_pair_weight >= self.cut_weight:
            raise ValueError(
                "absent_pair_weight must be less than cut_weight, or records that were never compared "
                "would be one person"
            )
        return self
