"""The sandbox's error table: code → whose doing it is, may another gateway try, what to do. A code that is not here proves nothing."""

from shared.gateways.codec import Code, Codes

_ASK = "Ask the payer for another card or account."
_ORDER = "Compare the order's sums with the gateway's: ours are not what it has."

CODES: Codes = {
    "card_declined": Code("user_decline", False, _ASK),
    "insufficient_funds": Code("user_decline", False, _ASK),
    "incorrect_pin": Code("user_decline", False, "Let the payer try again."),
    "expired_card": Code("user_decline", False, _ASK),
    "suspected_fraud": Code("fraud_block", False, "Do not retry; look at the payer's history."),
    "issuer_unavailable": Code("issuer_fault", True, "The payer's bank is down: try again later."),
    "gateway_error_not_charged": Code("gateway_fault", True, "The gateway failed before charging: another one may try."),
    "rate_limited": Code("gateway_fault", True, "Lower the account's concurrency_max."),
    "account_suspended": Code("our_fault", True, "The account is suspended: talk to the gateway."),
    "unauthenticated": Code("our_fault", True, "The account's api_key is wrong."),
    "unknown_account": Code("our_fault", True, "The account's base_url names no account of the sandbox."),
    "invalid_request": Code("our_fault", False, "The order is not valid at this gateway."),
    "capture_exceeds_authorized": Code("our_fault", False, _ORDER),
    "refund_exceeds_captured": Code("our_fault", False, _ORDER),
    "not_capturable": Code("our_fault", False, _ORDER),
    "not_refundable": Code("our_fault", False, _ORDER),
    "not_voidable": Code("our_fault", False, _ORDER),
    "unknown_charge": Code("our_fault", False, "The gateway's id of the charge is another account's or a typing error."),
    "link_cancelled": Code("user_decline", False, "The link was withdrawn: send another one."),
}
