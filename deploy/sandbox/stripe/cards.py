"""Stripe's documented test cards and payment methods that the sandbox's own magic does not know yet."""

from deploy.sandbox.behaviour import BEHAVIOURS, Behaviour

_DECLINE = BEHAVIOURS["decline"]


def _refusal(code: str) -> Behaviour:
    return Behaviour(code.replace("_", "-"), "refusal", code=code)


CARDS = {
    "4000000000009987": _refusal("lost_card"),
    "4000000000009979": _refusal("stolen_card"),
    "4000000000000127": _refusal("incorrect_cvc"),
    "4000000000000119": _refusal("processing_error"),
    "4000000000006975": _refusal("card_velocity_exceeded"),
    "4242424242424241": _refusal("incorrect_number"),
    "4100000000000019": BEHAVIOURS["suspected-fraud"],
    "4000000000000341": _DECLINE,
    "4000002500003155": BEHAVIOURS["requires-action"],
    "4000002760003184": BEHAVIOURS["requires-action"],
    "4000000000003220": BEHAVIOURS["requires-action"],
}
NUMBERS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_radarBlock": "4100000000000019",
}
