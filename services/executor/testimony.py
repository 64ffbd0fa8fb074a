"""Evidence that nobody asked for, brought to its attempt: the row says whether it is news, and is told it in the same change."""

from uuid import UUID

from services.executor import store
from services.executor.domain.classes import Overrides, heard
from services.executor.domain.testimony import Word, judge
from shared.contracts import AttemptIdentified, AttemptObserved, IdentifyAttempt, Message, Refusal, Source
from shared.storage.work import Work


def attempt_of(reference: str | None) -> UUID | None:
    """Our references are attempts' ids; whatever else stands there is none of ours."""
    try:
        return UUID(reference or "")
    except ValueError:
        return None


def identify(command: IdentifyAttempt, work: Work, overrides: Overrides) -> None:
    named = attempt_of(command.reference)
    row = store.read(work, named) if named else None
    finding, refusal = heard(command.finding, command.refusal, overrides)
    word = Word(finding, command.operation, command.confirmed, command.gateway_reference)
    found = judge(row.ours if row else None, gateway=command.gateway, word=word)
    if row and found.match == "news":
        testify(work, row, word, cause=command, source="webhook", refusal=refusal)
    mine = row.attempt if row and found.match != "unmatched" else None
    work.publish(
        AttemptIdentified.caused_by(
            command,
            evidence_id=command.evidence_id,
            match=found.match,
            reason=found.reason,
            attempt_id=mine and mine.attempt_id,
            payment_id=mine and mine.payment_id,
        )
    )


def testify(work: Work, row: store.AttemptRow, word: Word, *, cause: Message, source: Source, refusal: Refusal | None) -> None:
    """Say it, and store it where it is the better word. A call that is under way has its own outcome to commit, and a success that
    contradicts the one we know does not take its place: both are evidence."""
    event = AttemptObserved.caused_by(
        cause,
        discriminator=f"{row.attempt.attempt_id} {word.reference}",
        attempt=row.attempt,
        source=source,
        finding=word.finding,
        confirmed=word.confirmed,
        refusal=refusal if word.finding == "failed" else None,
        gateway_reference=word.reference,
    ).model_copy(update={"correlation_id": row.attempt.payment_id})
    if row.state not in ("started", "succeeded"):
        store.conclude(work, event, known=row.known)
    work.publish(event)
