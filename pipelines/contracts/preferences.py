"""What a person leans to: items, channels, and the stage of the relation."""

import dataframely as dy
import polars as pl

from pipelines.contracts.codes import Channel, ItemLevel, ItemMethod, LifecycleStage, RhythmKind
from pipelines.contracts.columns import code, count, customer_id, estimate, rate, workspace_id


class ItemModel(dy.Schema):
    """How new items are found on one level, and how well that went on the days that were held back."""

    workspace_id = workspace_id()
    level = code(ItemLevel, "How finely items are told apart.", primary_key=True)
    method = code(ItemMethod, "How new items are found.")
    model_version = dy.String(min_length=1, description="Version of the method.")
    is_used = dy.Bool(description="Whether items are compared; otherwise popularity decides.")
    people_count = count("People whose purchases were compared.")
    item_count = count("Items that were compared.")
    tested_count = count("People who bought something new on the days that were held back.")
    hit_rate = rate("Share of them to whom one of it was among the proposed items.", nullable=True)
    baseline_hit_rate = rate("The same of the most popular items.", nullable=True)
    note = dy.String(description="Verdict in words.")


class ItemPopularity(dy.Schema):
    """How much of everyone's visits hold an item."""

    workspace_id = workspace_id()
    level = code(ItemLevel, "How finely items are told apart.", primary_key=True)
    item = dy.String(primary_key=True, min_length=1, description="Category, name or id of the products.")
    visit_rate = rate("Share of the latest visits of everyone that hold it.")
    person_count = count("People, of those compared, who ever bought it.")


class ItemSimilarity(dy.Schema):
    """How much having bought one item speaks for another, when everything else that was bought is known."""

    workspace_id = workspace_id()
    level = code(ItemLevel, "How finely items are told apart.", primary_key=True)
    item = dy.String(primary_key=True, min_length=1, description="Item that may be bought.")
    bought_item = dy.String(primary_key=True, min_length=1, description="Item that was bought.")
    weight = estimate("Weight of the one for the other; negative where they replace each other.")


class ItemAffinity(dy.Schema):
    """How likely a visit of the person holds an item, or how well an item never bought goes with the rest."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    level = code(ItemLevel, "How finely items are told apart.", primary_key=True)
    item = dy.String(primary_key=True, min_length=1, description="Category, name or id of the products.")
    is_new = dy.Bool(description="Whether the person never bought it.")
    affinity_rank = dy.Int64(min=1, description="1 is the strongest of the level's new, or not new, items.")
    affinity_score = rate(
        "Share of visits with it, decayed and shrunk toward everyone's; for a new item its similarity."
    )
    confidence = rate("Weight of the person's own visits against everyone's.")
    visit_count = count("Local days on which the person bought it.")
    last_bought_on = dy.Date(
        nullable=True, description="Local day of the last purchase; null for a new item."
    )
    because_of = dy.String(
        nullable=True, description="For a new item: the bought one that it goes with best, where one does."
    )
    method = code(ItemMethod, "How it was found.")
    model_version = dy.String(min_length=1, description="Version of the method.")

    @dy.rule()
    def new_items_were_never_bought(cls) -> pl.Expr:
        return cls.is_new.col == (cls.visit_count.col == 0)


class Rhythm(dy.Schema):
    """A slot of the day or week of one kind of people."""

    workspace_id = workspace_id()
    kind = code(RhythmKind, "`hour` of the day or `weekday`.", primary_key=True)
    rhythm_number = dy.Int64(primary_key=True, min=1, description="Kind of people.")
    slot = dy.Int64(primary_key=True, min=0, max=23, description="Hour, or weekday from 0, Monday.")
    people_rate = rate("Share of people of the kind.")
    moment_rate = rate("Share of the kind's moments in the slot.")


class ChannelPreference(dy.Schema):
    """How readily a person answers on a channel."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    channel = code(Channel, "Channel.", primary_key=True)
    preference_rank = dy.Int64(min=1, description="1 is the channel that is answered most readily.")
    response_rate = rate("Share of messages that are answered, decayed and shrunk toward everyone's.")
    confidence = rate("Weight of the messages that the person got against everyone's.")
    message_count = count("Messages that the person got, or answered, so far.")
    response_count = count("Messages that the person answered so far.")
    method = dy.String(min_length=1, description="How it was found.")
    model_version = dy.String(min_length=1, description="Version of the method.")


class Lifecycle(dy.Schema):
    """The stage of the relation with a person, with what it rests on."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    lifecycle_stage = code(LifecycleStage, "Stage; null below the quality gate.", nullable=True)
    confidence = rate("Weight of the rhythms, the person's own and everyone's, that give this stage.")
    silent_days = count("Local days since the last order; null without one.", nullable=True)
    mean_gap_days = estimate(
        "Mean local days between days with an order, without the longest gap, shrunk toward everyone's.",
        nullable=True,
        minimum=0.0,
    )
    visit_count = count("Local days with an order.")
    first_order_on = dy.Date(nullable=True, description="Local day of the first order.")
    returned_on = dy.Date(
        nullable=True, description="Local day of the first order after a lapse, of a reactivated person."
    )
    method = dy.String(min_length=1, description="How it was found.")
    model_version = dy.String(min_length=1, description="Version of the method.")
