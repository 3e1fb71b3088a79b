"""Closed lists of the control database."""

from enum import StrEnum

from pipelines.contracts.codes import Product


class ConfigOwner(StrEnum):
    """Whose config it is: one of the five products, or the workspace that they share."""

    CONNECTOR = Product.CONNECTOR.value
    ENRICHMENT = Product.ENRICHMENT.value
    JOURNEYS = Product.JOURNEYS.value
    SEQUENCING = Product.SEQUENCING.value
    PERSONALIZATION = Product.PERSONALIZATION.value
    WORKSPACE = "workspace"


class ConfigStatus(StrEnum):
    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    ARCHIVED = "ARCHIVED"


class ApprovalStatus(StrEnum):
    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    VOID = "VOID"  # the plan or the configuration is no longer what was approved


class Scope(StrEnum):
    """What a kill switch or an override is about; `all` takes no value."""

    ALL = "all"
    CHANNEL = "channel"
    PRODUCT = "product"
    CAMPAIGN = "campaign"


class Role(StrEnum):
    VIEWER = "viewer"
    ANALYST = "analyst"
    AUTHOR = "author"
    APPROVER = "approver"
    OPERATOR = "operator"
    PRIVACY_OFFICER = "privacy_officer"
    ADMIN = "admin"
