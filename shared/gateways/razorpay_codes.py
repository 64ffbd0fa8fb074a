"""Razorpay's error table, by the `reason` of its errors: whose doing it is, may another gateway try, what to do.

`code` only says BAD_REQUEST_ERROR, GATEWAY_ERROR or SERVER_ERROR. What stands here as `unknown` is on payments that may be authorised up
to three days later, and proves nothing, unless the payment got no further than its initiation (`reason@step`). `http_…` are answers with
an error object whose status says it all.
"""

from shared.gateways.codec import Code, Codes

_ASK = "Ask the payer for another card, account or app."
_AGAIN = "Let the payer try again."
_KEYS = "RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET are wrong, or of another mode."
_ENABLE = "Not enabled for this account: ask Razorpay, or take it out of the account's methods and currencies."
_SUMS = "Compare the payment's sums with Razorpay's: ours are not what it has."

CODES: Codes = {
    # the payer, or the payer's bank on the payer's account
    "card_declined": Code("user_decline", False, _ASK),
    "debit_declined": Code("user_decline", False, _ASK),
    "insufficient_funds": Code("user_decline", False, _ASK),
    "card_expired": Code("user_decline", False, _ASK),
    "incorrect_card_details": Code("user_decline", False, _AGAIN),
    "incorrect_card_expiry_date": Code("user_decline", False, _AGAIN),
    "card_number_invalid": Code("user_decline", False, _AGAIN),
    "incorrect_cvv": Code("user_decline", False, _AGAIN),
    "incorrect_pin": Code("user_decline", False, _AGAIN),
    "incorrect_otp": Code("user_decline", False, _AGAIN),
    "invalid_otp": Code("user_decline", False, _AGAIN),
    "pin_not_set": Code("user_decline", False, "The payer sets a UPI PIN first."),
    "authentication_failed": Code("user_decline", False, _AGAIN),
    "payment_cancelled": Code("user_decline", False, _AGAIN),
    "payment_declined": Code("user_decline", False, _ASK),
    "payment_collect_request_expired": Code("user_decline", False, _AGAIN),
    "invalid_vpa": Code("user_decline", False, "The payer's UPI address does not exist."),
    "card_disabled_for_online_payments": Code("user_decline", False, _ASK),
    "card_not_enrolled": Code("user_decline", False, _ASK),
    "debit_instrument_blocked": Code("user_decline", False, _ASK),
    "debit_instrument_inactive": Code("user_decline", False, _ASK),
    "bank_account_invalid": Code("user_decline", False, _ASK),
    "transaction_limit_exceeded": Code("user_decline", False, _ASK),
    "transaction_daily_limit_exceeded": Code("user_decline", False, _ASK),
    "international_transaction_not_allowed": Code("our_fault", True, _ENABLE),
    "payment_risk_check_failed": Code("fraud_block", False, "Do not retry; look at the payer's history."),
    # the issuer
    "bank_not_available": Code("issuer_fault", True, "The payer's bank is down: try again later."),
    "bank_cutoff_in_progress": Code("issuer_fault", True, "The payer's bank closes its day: try again later."),
    "bank_technical_error@payment_initiation": Code("issuer_fault", True, "The payer's bank is down: try again later."),
    # Razorpay
    "gateway_technical_error@payment_initiation": Code("gateway_fault", True, "Razorpay did not reach its acquirer: try another gateway."),
    "vpa_resolution_failed": Code("gateway_fault", True, "The payer's UPI address could not be looked up: try another gateway."),
    "http_429": Code("gateway_fault", True, "Lower the account's concurrency_max."),
    # us
    "http_401": Code("our_fault", True, _KEYS),
    "input_validation_failed": Code("our_fault", False, "Razorpay's description says which field is wrong."),
    "invalid_amount": Code("our_fault", False, "The amount is outside what this account takes."),
    "amount_less_than_minimum_amount": Code("our_fault", True, "Raise the account's amount_minor_min."),
    "bank_not_enabled": Code("our_fault", True, _ENABLE),
    "invalid_currency": Code("our_fault", True, _ENABLE),
    "card_network_not_enabled": Code("our_fault", True, _ENABLE),
    "card_type_not_enabled": Code("our_fault", True, _ENABLE),
    "payment_method_not_enabled": Code("our_fault", True, _ENABLE),
    "live_mode_not_enabled": Code("our_fault", True, _KEYS),
    "merchant_not_active": Code("our_fault", True, "The account is suspended: talk to Razorpay."),
    "refund_exceeds_payment": Code("our_fault", False, _SUMS),
    "capture_not_whole": Code("our_fault", False, "Razorpay captures the whole authorisation or nothing."),
    # these prove nothing
    **{
        code: Code("unknown", False, "The payment may be authorised up to three days later: it is asked about.")
        for code in ("payment_timed_out", "payment_failed", "credit_failed", "gateway_technical_error", "bank_technical_error")
    },
    # ends of what lasted longer
    "refund_failed": Code("issuer_fault", False, "The payer's bank took no refund: pay it back another way."),
    "payment_auto_refunded": Code("our_fault", False, "The authorisation lapsed before it was captured, and went back to the payer."),
    "link_cancelled": Code("user_decline", False, "The link was withdrawn: send another one."),
    "link_expired": Code("user_decline", False, "Nobody paid in time: send another link."),
}

# Errors that carry no reason worth its name ("NA"), by what their description begins with.
DESCRIPTIONS = {
    "The total refund amount is greater than the refund payment amount": "refund_exceeds_payment",
    "Capture amount must be equal to the amount authorized": "capture_not_whole",
    "Your account is not active": "merchant_not_active",
}
