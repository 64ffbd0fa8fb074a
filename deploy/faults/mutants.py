"""Meshes with guards switched off: the mutation check of the judge. A judge that calls one of them clean is blind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Mutant:
    """`without`: service → guards that it runs without. `red`: what the judge must find, at least."""

    name: str
    does: str
    without: Mapping[str, tuple[str, ...]]
    scenario: str
    red: frozenset[str]

    @property
    def launchers(self) -> dict[str, tuple[str, ...]]:
        """For a Mesh."""
        return {service: ("deploy.faults.mutant", ",".join(guards)) for service, guards in self.without.items()}

    def parts(self) -> Iterator["Mutant"]:
        """The mutant with one of its guards on again, for each of them: the set is the smallest where all of these come through."""
        switched_off = [(service, guard) for service, guards in self.without.items() for guard in guards]
        for kept in switched_off if len(switched_off) > 1 else ():
            left = {service: tuple(one for one in guards if (service, one) != kept) for service, guards in self.without.items()}
            without = {service: guards for service, guards in left.items() if guards}
            yield replace(self, name=f"{self.name} but {kept[1]}", without=without, red=frozenset())


def mutant(name: str, does: str, scenario: str, red: str, **without: str) -> Mutant:
    guards = {service: tuple(names.split()) for service, names in without.items()}
    return Mutant(name, does, guards, scenario, frozenset(red.split()))


ALL = (
    mutant("ack-first", "acknowledges before it commits", "webhooks", "unnotified", notifier="acknowledge-after-commit"),
    mutant("not-mandatory", "publishes without `mandatory`", "unbound", "unnotified", api="publish-mandatory"),
    mutant("unseen-answer", "does not look at the broker's answer", "unbound", "unnotified", api="look-at-the-answer"),
    mutant("delete-first", "deletes outbox rows before the confirm", "broker crash", "unnotified", api="delete-after-confirm"),
    mutant("no-overdue-sweep", "never looks after overdue payments", "theft", "lost", api="sweep"),
    mutant("no-attempt-sweep", "forgets attempts whose executor died", "doubtful gateways", "leftover", executor="sweep"),
    mutant("no-questions", "never asks what became of an attempt", "doubtful gateways", "lost leftover", verifier="sweep"),
    mutant("no-delivery-sweep", "never tries a delivery again", "webhooks", "unnotified leftover", notifier="take-up-deliveries"),
    mutant("sent-is-delivered", "marks a webhook delivered before its answer", "webhooks", "unnotified",
           notifier="answer-before-delivered"),
    mutant("duplicates", "handles every copy of a message", "copies", "invented",
           notifier="claim-in-the-inbox name-deliveries-after-their-event"),
    mutant("no-idempotency", "makes a payment of every POST", "copies", "invented", api="claim-the-idempotency-key"),
    mutant("no-arbiter", "calls the gateway for every copy of the order", "copies", "doubled", executor="win-the-attempt"),
    mutant("fallback-on-unknown", "tries the next gateway after an unknown outcome", "doubtful gateways", "doubled",
           router="wait-for-the-verifier"),
    mutant("doubt-is-refusal", "takes a 5xx or a timeout for a refusal", "doubtful gateways", "doubled", executor="doubt-what-is-unclear"),
    mutant("not-found-believed", "believes the first \"not found\"", "doubtful gateways", "doubled", verifier="doubt-not-found"),
    mutant("failed-without-proof", "fails payments whose attempts may have charged", "doubtful gateways", "mismatched",
           api="fail-on-proof", router="give-up-on-proof"),
    mutant("any-amount", "takes a charge of any amount for success", "doubtful gateways", "mismatched", api="compare-amounts"),
    mutant("late-charges-kept", "keeps charges that nobody waited for any more", "late charges", "doubled",
           api="give-back-what-came-late"),
    mutant("payers-not-asked-about", "lets links expire without a question", "links", "mismatched",
           api="ask-about-the-payer"),
    mutant("any-signature", "believes webhooks that anybody signed", "forgeries", "invented leftover", api="verify-signatures"),
    mutant("events-kept-again", "keeps every copy of a gateway's webhook", "forgeries", "invented", verifier="keep-gateway-events-once"),
)  # fmt: skip
MUTANTS: Mapping[str, Mutant] = {one.name: one for one in ALL}
