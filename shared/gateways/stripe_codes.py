"""Stripe's error table, by decline code, else by code, else by type: whose doing it is, may another gateway try, what to do.

What proves nothing stands below as `unknown`, so that nobody takes it for a refusal. Errors of the types `api_error` and
`idempotency_error` are not even looked up.
`http_…` are answers with an error object whose status says it all.
"""

from shared.gateways.codec import Code, Codes

_ASK = "Ask the payer for another card."
_AGAIN = "Let the payer try again."
_FRAUD = "Do not retry, and tell the payer no more than that the card was declined."
_KEYS = "STRIPE_SECRET_KEY is wrong, revoked or of another mode."
_SUMS = "Compare the payment's sums with Stripe's: ours are not what it has."
_WITHDRAWN = "Withdrawn before it was paid."

CODES: Codes = {
    # the payer, or the payer's bank on the payer's account
    **{
        code: Code("user_decline", False, _ASK)
        for code in (
            "card_declined", "generic_decline", "do_not_honor", "insufficient_funds", "withdrawal_count_limit_exceeded",
            "card_velocity_exceeded", "expired_card", "call_issuer", "card_not_supported", "currency_not_supported",
            "invalid_account", "new_account_information_available", "no_action_taken", "not_permitted", "restricted_card",
            "revocation_of_authorization", "service_not_allowed", "transaction_not_allowed", "try_again_later", "testmode_decline",
            "live_mode_test_card", "invalid_amount",
        )
    },
    **{
        code: Code("user_decline", False, _AGAIN)
        for code in (
            "incorrect_cvc", "incorrect_number", "incorrect_pin", "incorrect_zip", "incorrect_address", "invalid_cvc", "invalid_number",
            "invalid_pin", "invalid_expiry_month", "invalid_expiry_year", "pin_try_exceeded", "authentication_required",
            "payment_intent_authentication_failure", "payment_intent_payment_attempt_expired",
        )
    },
    **{
        code: Code("fraud_block", False, _FRAUD)
        for code in (
            "fraudulent", "lost_card", "stolen_card", "pickup_card", "merchant_blacklist", "security_violation", "highest_risk_level",
        )
    },
    # the issuer
    "issuer_not_available": Code("issuer_fault", True, "The payer's bank is down: try again later."),
    "approve_with_id": Code("issuer_fault", True, "The payer's bank could not decide: try again."),
    "reenter_transaction": Code("issuer_fault", True, "The payer's bank could not decide: try again."),
    # Stripe
    "processing_error": Code("gateway_fault", True, "The card could not be processed: another gateway may try."),
    "rate_limit": Code("gateway_fault", True, "Lower the account's concurrency_max."),
    "http_429": Code("gateway_fault", True, "Lower the account's concurrency_max."),
    # us
    "http_401": Code("our_fault", True, _KEYS),
    "api_key_expired": Code("our_fault", True, _KEYS),
    "account_invalid": Code("our_fault", True, "The account is closed or suspended: talk to Stripe."),
    "testmode_charges_only": Code("our_fault", True, "The account is not live yet."),
    "amount_too_small": Code("our_fault", True, "Below Stripe's least amount of this currency: raise the account's amount_minor_min."),
    "amount_too_large": Code("our_fault", False, _SUMS),
    "resource_missing": Code("our_fault", False, "Stripe's id of the object is another account's or mode's."),
    **{
        code: Code("our_fault", False, "Stripe's message says which parameter is wrong.")
        for code in (
            "invalid_request_error", "parameter_missing", "parameter_unknown", "parameter_invalid_empty", "parameter_invalid_integer",
            "parameter_invalid_string_blank", "invalid_characters", "email_invalid",
        )
    },
    # ends of what lasted longer
    "refund_failed": Code("issuer_fault", False, "The payer's bank took no refund: pay it back another way."),
    "payment_canceled": Code("our_fault", False, _WITHDRAWN),
    "session_expired": Code("user_decline", False, "Nobody paid in time: send another link."),
    # these prove nothing
    "lock_timeout": Code("unknown", False, "Another request works on the same payment, perhaps ours: it is asked about."),
    "idempotency_key_in_use": Code("unknown", False, "An earlier request with this key may have charged: it is asked about."),
    "payment_intent_unexpected_state": Code("unknown", False, "It may have succeeded before: it is asked about."),
    **{
        code: Code("unknown", False, "Perhaps it was done by us: it is asked about.")
        for code in ("charge_already_captured", "charge_already_refunded")
    },
}  # fmt: skip
