"""RetryPolicy: how long is waited, and when no longer."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from spdkit.collect.errors import CollectError, RateLimited, Refused, Unanswered, duration
from spdkit.collect.response_checks import retry_after, service_url
from spdkit.collect.retry import RetryPolicy


class Service:
    """Fails as often as told, then answers."""

    def __init__(self, failures, status=500, retry_after=None):
        self.failures, self.asked, self.slept, self.told = failures, 0, [], []
        self.error = Unanswered("Spotify", "tracks/1", "HTTP 500", status, retry_after)

    def __call__(self):
        self.asked += 1
        if self.asked <= self.failures:
            raise self.error
        return "answer"

    def policy(self, **options):
        return RetryPolicy(sleep=self.slept.append, report=self.told.append, **options)


def test_waits_double_up_to_a_limit():
    service = Service(failures=5)
    retry = service.policy(attempts=6, longest_wait=5.0)
    assert retry.call(service) == "answer"
    assert service.slept == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert service.told[0] == "Spotify: HTTP 500; waiting 1 s (attempt 1 of 6)"


def test_five_attempts_are_made_unless_told_otherwise():
    service = Service(failures=4)
    assert (service.policy().call(service), service.slept) == ("answer", [1.0, 2.0, 4.0, 8.0])
    once = Service(failures=1)
    with pytest.raises(Unanswered):
        once.policy(attempts=1).call(once)
    assert (once.asked, once.slept) == (1, [])


def test_a_first_pause_may_be_short():
    service = Service(failures=2)
    service.policy(first_wait=0.25).call(service)
    assert service.slept == [0.25, 0.5]


def test_the_last_failure_is_raised():
    service = Service(failures=9)
    with pytest.raises(Unanswered, match="no answer to tracks/1: HTTP 500"):
        service.policy(attempts=3).call(service)
    assert (service.asked, service.slept) == (3, [1.0, 2.0])


def test_a_short_pause_that_is_asked_for_is_slept():
    for pause in (12.0, 60.0):
        service = Service(failures=1, status=429, retry_after=pause)
        assert service.policy().call(service) == "answer"
        assert service.slept == [pause]


def test_a_pause_of_nothing_is_not_a_tight_loop():
    service = Service(failures=2, status=429, retry_after=0.0)
    service.policy().call(service)
    assert service.slept == [1.0, 2.0]


def test_a_pause_of_more_than_a_minute_is_never_slept():
    service = Service(failures=1, status=429, retry_after=61.0)
    with pytest.raises(RateLimited, match="asks to wait for 61 s") as caught:
        service.policy().call(service)
    assert (caught.value.retry_after, service.slept, service.asked) == (61.0, [], 1)


def test_a_service_that_keeps_asking_for_pauses_is_rate_limiting():
    service = Service(failures=9, status=429, retry_after=30.0)
    with pytest.raises(RateLimited) as caught:
        service.policy(attempts=3).call(service)
    assert (caught.value.retry_after, service.slept) == (30.0, [30.0, 30.0])


def test_a_refusal_is_not_tried_again():
    asked = []

    def refused():
        asked.append(1)
        raise Refused("Spotify", "tracks/1", 404)

    with pytest.raises(Refused):
        RetryPolicy(sleep=asked.append).call(refused)
    assert asked == [1]


def test_attempts_are_at_least_one():
    with pytest.raises(ValueError, match="attempts must be at least 1, got 0"):
        RetryPolicy(attempts=0)


def test_retry_after_in_either_form():
    assert retry_after("120") == 120.0
    assert retry_after(" 1.5 ") == 1.5
    assert retry_after(None) is None
    assert retry_after("soon") is None
    assert retry_after("-5") is None
    assert retry_after("inf") is None
    later = format_datetime(datetime.now(UTC) + timedelta(hours=2))
    assert 7100 < retry_after(later) <= 7200
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    # "-0000": a time without a zone, which is taken for UTC.
    assert 7100 < retry_after(later.replace("+0000", "-0000")) <= 7200


@pytest.mark.parametrize(
    ("seconds", "words"),
    # 7201 s are 120 min and a second: 2 h 1 min, since a pause must not end too early.
    [
        *((0.2, "1 s"), (61, "61 s"), (119, "119 s"), (120, "2 min"), (121, "3 min")),
        *((3600, "1 h"), (7200, "2 h"), (7201, "2 h 1 min")),
    ],
)
def test_durations_are_rounded_up(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("Genius", 90.0),
        Refused("Spotify", "tracks/1", 403, "no"),
        Unanswered("Spotify", "tracks/1", "HTTP 502", 502, 3.0),
    ],
)
def test_errors_travel_between_processes(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))


@pytest.mark.parametrize(("length", "shown"), [(90, "x" * 90), (91, "x" * 89 + "…")])
def test_long_paths_are_shortened(length, shown):
    message = f"Genius gives no answer to {shown}: silence"
    assert str(Unanswered("Genius", "x" * length, "silence")) == message


def test_addresses_come_from_the_argument_then_the_environment(monkeypatch):
    monkeypatch.setenv("SPDKIT_X_URL", "http://environment/")
    assert service_url("https://argument/", "SPDKIT_X_URL", "https://usual/") == "https://argument/"
    assert service_url(None, "SPDKIT_X_URL", "https://usual/") == "http://environment/"
    monkeypatch.delenv("SPDKIT_X_URL")
    assert service_url(None, "SPDKIT_X_URL", "https://usual/") == "https://usual/"
    with pytest.raises(CollectError, match=r"'ftp://x' is no http\(s\) URL \(SPDKIT_X_URL\)"):
        service_url("ftp://x", "SPDKIT_X_URL", "https://usual/")
