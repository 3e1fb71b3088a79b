"""What personalization knew when it proposed, and what its policies are made of."""

import dataframely as dy

from pipelines.contracts.codes import Channel
from pipelines.contracts.columns import code, count, customer_id, estimate, workspace_id
from pipelines.contracts.objectives import Objective, ValueMethod


class DecisionContext(dy.Schema):
    """What was known of a person on the night of a decision: the features that actions are scored by."""

    workspace_id = workspace_id()
    decided_on = dy.Date(primary_key=True, description="Night of the decision.")
    customer_id = customer_id()
    order_count_log = estimate("Orders so far, as log(1 + n).", minimum=0.0)
    recency_log = estimate("Local days since the last order, as log(1 + n); 10 years for none.", minimum=0.0)
    tenure_log = estimate("Local days since the first order, as log(1 + n); 0 for none.", minimum=0.0)
    order_amount_log = estimate("Mean order, as log(1 + amount); 0 for none.", minimum=0.0)
    active_probability = estimate("Probability of an order in the next 28 days.", minimum=0.0)
    expected_spend_log = estimate("Expected spend of the next 90 days, as log(1 + amount).", minimum=0.0)
    discount_rate = estimate("Discount as a share of gross spend; 0 when unknown.", minimum=0.0)
    category_count_log = estimate("Distinct categories bought, as log(1 + n).", minimum=0.0)


class ChannelContext(dy.Schema):
    """What was known of a person and a channel; without a row there was no contact on it."""

    workspace_id = workspace_id()
    decided_on = dy.Date(primary_key=True, description="Night of the decision.")
    customer_id = customer_id()
    channel = code(Channel, "Channel.", primary_key=True)
    exposure = estimate("Messages that have not faded, as log(1 + n).", minimum=0.0)
    response = estimate("Answers beyond one in twenty messages, over messages and 5.")
    rest_days = dy.Int64(nullable=True, min=1, description="Nights since the last message on it.")


class OfferContext(dy.Schema):
    """What was known of a person and an offer; without a row there was neither taste nor contact."""

    workspace_id = workspace_id()
    decided_on = dy.Date(primary_key=True, description="Night of the decision.")
    customer_id = customer_id()
    offer_id = dy.String(primary_key=True, min_length=1, description="Offer.")
    taste = estimate("How much more than everyone the person leans to its category, as a logarithm.")
    response = estimate("Answers beyond one in twenty messages, over messages and 5.")
    rest_days = dy.Int64(nullable=True, min=1, description="Nights since the last message with it.")


class PolicyCard(dy.Schema):
    """What a campaign's values rest on, what its policy is worth, whether it may choose for each person."""

    workspace_id = workspace_id()
    programme = dy.String(primary_key=True, min_length=1, description="Campaign.")
    policy_version = dy.String(min_length=1, description="Night of training and method.")
    method = code(ValueMethod, "What the values come from.")
    objective = code(Objective, "What the campaign is to bring.")
    trained_on = dy.Date(description="Night that it was trained for.")
    window_start_on = dy.Date(nullable=True, description="First night of the decisions behind it.")
    window_end_on = dy.Date(nullable=True, description="Last night of the decisions behind it.")
    example_count = count("Decisions behind it.")
    message_count = count("Of these, with a message.")
    effective_examples = estimate("Decisions that weigh as much as the weighted ones.", minimum=0.0)
    reward = dy.String(min_length=1, description="Outcome that is learnt from; `none` for declared priors.")
    event_count = count("How often it was seen.")
    features = dy.String(description="Names of its features as a JSON array.")
    fit = dy.String(description="Measures of the fit, penalties and values per event, as JSON.")
    half_life_days = count("Days after which a repetition weighs half.", nullable=True)
    calibration_slope = estimate("Measured effect per predicted effect.", nullable=True)
    calibration_slope_error = estimate("Its standard error.", nullable=True, minimum=0.0)
    best_single_action = dy.String(nullable=True, description="Best action for everyone, as template/offer.")
    best_single_value = estimate("Its net value per decision, doubly robust.", nullable=True)
    policy_value = estimate("Net value of choosing for each person, doubly robust.", nullable=True)
    gain = estimate("What choosing for each person adds per decision.", nullable=True)
    gain_low = estimate("Lower end of its 95 % interval.", nullable=True)
    gain_high = estimate("Upper end of its 95 % interval.", nullable=True)
    slow_gain = estimate("The same gain in the outcome that the campaign is for.", nullable=True)
    slow_gain_low = estimate("Lower end of its 95 % interval.", nullable=True)
    slow_gain_high = estimate("Upper end of its 95 % interval.", nullable=True)
    is_personal = dy.Bool(description="Whether the no-harm gate let it choose for each person.")
    note = dy.String(description="Verdict and reasons in words.")
