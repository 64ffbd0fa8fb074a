"""Which words count: several may be said of one attempt, heard in any order and any number of times."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from services.metrics.domain.outcome import Outcome

BY_ATTEMPT = attrgetter("attempt_id", "phase")


def settled(new: Iterable[Outcome], earlier: Mapping[UUID, Outcome]) -> list[Outcome]:
    """The words of `new` that count, each with the one that it takes back, in the order in which attempts were heard.

    `earlier` is the word of the highest phase that has counted already, with the first word's time. A word of a phase not above it has
    nothing to say.
    """
    counting: list[Outcome] = []
    for attempt_id, words in groupby(sorted(new, key=BY_ATTEMPT), key=attrgetter("attempt_id")):
        standing = earlier.get(attempt_id)
        for word in words:
            if standing is None:
                counting.append(word)
            elif word.phase > standing.phase:
                word = replace(word, was=standing.outcome_class, at_s=standing.at_s)
                counting.append(word)
            else:
                continue
            standing = word
    counting.sort(key=attrgetter("at_s"))
    return counting
