"""A question, its answer, and a complaint where there is none."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from shared.contracts.base import Frozen


class Question(Frozen):
    """`kind` is `<owner>.<what>.v1`. A question that changes something carries `actor` and `reason`, and is audited by its owner."""

    owner: ClassVar[str]
    kind: str

    @classmethod
    def kind_of(cls) -> str:
        return str(cls.model_fields["kind"].default)


ComplaintCode = Literal["NOT_FOUND", "CONFLICT", "VALIDATION_ERROR", "TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR"]


class Complaint(Frozen):
    """`code` is one of the edge's: the status follows from it."""

    code: ComplaintCode
    message: str
    details: dict[str, Any] = Field(default_factory=dict)


class Answer(Frozen):
    """`value` is the JSON of what the question's owner returns; exactly one of the two is there."""

    value: Any = None
    complaint: Complaint | None = None


class RouterQuestion(Question):
    owner: ClassVar[str] = "router"


class MetricsQuestion(Question):
    owner: ClassVar[str] = "metrics"


class ExecutorQuestion(Question):
    owner: ClassVar[str] = "executor"


class VerifierQuestion(Question):
    owner: ClassVar[str] = "verifier"


class NotifierQuestion(Question):
    owner: ClassVar[str] = "notifier"
