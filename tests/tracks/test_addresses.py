"""Which addresses are opened, and how they are shown."""

from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, strategies as st

from spdkit.common.errors import ParameterError
from spdkit.tracks.addresses import (
    LONGEST_URL,
    PROTOCOLS,
    RefusedError,
    allowing,
    is_url,
    known_protocols,
    local_path,
    masked,
    masked_in,
    require_allowed,
    shown,
)
from spdkit.tracks.track import forbidden, open_binary, unreadable


def refusal(url, *protocols):
    with allowing(protocols):
        return forbidden(url)


@pytest.mark.parametrize("protocol", [each for each in PROTOCOLS if each != "file"])
def test_the_list_is_opened(protocol):
    assert is_url(f"{protocol}://bucket/a.wav")
    assert refusal(f"{protocol}://bucket/a.wav") == ""


@pytest.mark.parametrize(
    "url",
    [
        *(f"{name}://host/a.wav" for name in ("ftp", "sftp", "ssh", "smb", "hdfs", "webhdfs")),
        *(f"{name}://a" for name in ("github", "git", "hf", "memory", "local", "reference")),
        *(f"{name}://a" for name in ("data", "dask", "dir", "generic", "simplecache")),
    ],
)
def test_others_are_named_with_the_option(url):
    name = url.partition("://")[0]
    assert f"--allow-protocol {name})" in refusal(url)
    assert refusal(url, name) == ""


@pytest.mark.parametrize(
    ("url", "outer"),
    [
        ("simplecache::http://host/a.wav", "simplecache"),
        ("filecache::s3://bucket/a.wav", "filecache"),
        ("zip://a.wav::http://host/b.zip", "zip"),
        ("zip://a.wav::/tmp/b.zip", "zip"),
        ("tar://a.wav::zip://b.tar::https://host/c.zip", "tar"),
        ("reference://::http://host/refs.json", "reference"),
        # What is opened alone may lead elsewhere before another.
        ("s3://bucket/a::http://host/b", "s3"),
        ("s3://bucket/a::sftp://host/b", "s3"),
    ],
)
def test_chains_need_the_name_of_each_that_stands_before_another(url, outer):
    assert f"{outer}:: before another address is not opened unasked" in refusal(url)
    if outer == "tar":
        assert "--allow-protocol zip)" in refusal(url, "tar")
        assert refusal(url, "tar", "zip") == ""
    elif "sftp" in url:
        assert "sftp" in refusal(url, outer)
        assert refusal(url, outer, "sftp") == ""
    else:
        assert refusal(url, outer) == ""


@pytest.mark.parametrize("url", ["http://[::1]/a.wav", "https://host/a::zip://b", "HTTP://h/a"])
def test_a_web_address_is_no_chain(url):
    with allowing(()):
        assert not require_allowed(url)


@pytest.mark.parametrize("url", ["htp://host/a", "://a", "c://a", "S3 ://a", "\ud800://a"])
def test_what_nobody_knows_is_told_without_the_option(url):
    assert refusal(url).startswith("unknown protocol '")


def test_only_work_on_a_table_is_bound_by_the_list():
    assert forbidden("memory://a") == ""
    with allowing(["memory"]), allowing(["zip"]):
        assert forbidden("memory://a") == ""
        assert "sftp" in forbidden("sftp://host/a")
        with pytest.raises(RefusedError, match="sftp"):
            require_allowed("sftp://host/a")
    assert forbidden(None) == forbidden("") == forbidden("a.wav") == ""


def test_names_of_protocols_are_checked():
    assert known_protocols("sftp") == {"sftp"}
    assert known_protocols(["zip", "zip"]) == {"zip"}
    with pytest.raises(ParameterError, match="'sftp://' is no protocol that fsspec knows"):
        known_protocols(["sftp://"])


@pytest.mark.parametrize("form", ["{}", "file://{}", "FILE://{}", "file://localhost{}"])
def test_a_file_url_is_its_path(form, tmp_path):
    (tmp_path / "a b%20#?.wav").write_bytes(b"sound")
    audio = form.format(tmp_path / "a b%20#?.wav")
    assert not is_url(audio)
    assert local_path(audio) == str(tmp_path / "a b%20#?.wav")
    with open_binary(audio) as file:
        assert file.read() == b"sound"
    assert unreadable(audio) == ""
    assert unreadable(form.format(tmp_path)) == "is a folder, not a file"
    assert forbidden(form.format("/dev/zero")) == "is a device, no file"


@pytest.mark.parametrize("audio", ["a\0b", "file:///a\0b", "\ud800", "file:///\ud800.wav"])
def test_names_that_no_file_has_are_os_errors(audio):
    with pytest.raises(OSError, match="its name"):
        open_binary(audio)
    assert unreadable(audio).startswith("cannot be opened: ")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://user:pw@host/a", "http://***@host/a"),
        ("http://TOKEN@host/a", "http://***@host/a"),
        ("http://u:p@ss@host/a", "http://***@host/a"),
        ("http://u:p/w#?@host/a", "http://***@host/a"),
        ("http://u:p w'\"@host/a", "http://***@host/a"),
        ("http://user:pw@host:80/~me@home/a", "http://***@host:80/~me@home/a"),
        ("s3://key:secret@bucket/a", "s3://***@bucket/a"),
        ("zip://a::http://u:p@host/b", "zip://***@host/b"),
        ("https://h/a?X-Amz-Signature=ab&n=1", "https://h/a?X-Amz-Signature=***&n=1"),
        ("https://h/a?n=1&x-amz-security-token=ab", "https://h/a?n=1&x-amz-security-token=***"),
        ("https://h/a?X-Goog-Credential=a%2Fb#t=3", "https://h/a?X-Goog-Credential=***#t=3"),
        ("https://h/a?sv=1&sig=a'b c%3D", "https://h/a?sv=1&sig=***"),
        ("https://h/a?access_token=a&api_key=b", "https://h/a?access_token=***&api_key=***"),
        ("https://h/a?Policy=a&Key-Pair-Id=b", "https://h/a?Policy=***&Key-Pair-Id=***"),
        ("https://h/a;jsessionid=ab", "https://h/a;jsessionid=***"),
        ("https://h/a#access_token=ab", "https://h/a#access_token=***"),
        ("https://h/a?password=&key=&pwd=x", "https://h/a?password=&key=&pwd=***"),
        ("https://h/a?tok%65n=ab&%73ig=cd", "https://h/a?tok%65n=***&%73ig=***"),
        ("https://h/a?st=ab&bearer=cd&login=e", "https://h/a?st=***&bearer=***&login=***"),
        ("https://h/a?n=1;token=ab;c&m=2??sig=d", "https://h/a?n=1;token=***&m=2??sig=d"),
        ("https://h/a??token=ab&&sig=c", "https://h/a??token=***&&sig=***"),
    ],
)
def test_secrets_are_masked(address, expected):
    assert masked(address) == expected
    assert masked(expected) == expected


@pytest.mark.parametrize(
    "address",
    [
        "/music/key=a?token=b.wav",
        "user:pw@host.wav",
        "https://host:8080/a@b.wav",
        "https://host/~u:x@b.wav",
        "https://host/a.wav?author=Bach&signed=no&track=1&monkey=2",
        "s3://bucket/token/secret.wav",
    ],
)
def test_what_is_no_secret_is_shown(address):
    assert shown(address) == address


def test_a_text_about_an_address_is_masked():
    address = "https://user:pa55word@host/a?token=a%20secret&n=1"
    text = f"Cannot open URL('{address}'), 'https://host/b?sig=other', pa55word, 'a secret'"
    expected = (
        "Cannot open URL('https://***@host/a?token=***&n=1'), 'https://host/b?sig=***', ***, '***'"
    )
    assert masked_in(text, address) == expected
    assert masked_in("the key of a song", "https://u:k@host/?key=a") == "the key of a song"
    assert shown("a\0b\ud800") == "a\\x00b\\ud800"
    assert shown(None) == ""


SECRET = "b'a\"d ü<\n%\\+é~\U0001d11e"


@pytest.mark.parametrize("safe", ["", "'", "\"'<", " ü%\\", "+~"])
@pytest.mark.parametrize("form", ["http://u:{}@h/a", "http://h/a?token={}&n=1", "s3://{}@h/a"])
def test_a_secret_is_known_however_a_library_quotes_it(form, safe):
    secret = quote(SECRET, safe=safe)
    for address in (form.format(SECRET), form.format(secret)):
        for text in (secret, secret.lower(), quote_plus(SECRET, safe=safe), SECRET, repr(SECRET)):
            assert "***" in masked_in(f"of <{text}> there is", address), (address, text)
            assert "d11e" not in masked_in(f"of <{text}>", address).lower()


def test_pieces_of_a_password_are_known():
    address = "http://user:pa55/wor7#x@host/a"
    assert masked_in("no port 'pa55' in wor7 of user", address) == "no port '***' in *** of user"


LONG = 300_000


@pytest.mark.parametrize(
    "text",
    [
        "http://" + "://a:b" * (LONG // 6),
        "http://" + "://a:1" * (LONG // 6),
        "http://x:" + "1" * LONG,
        "http://x/?" + "token" * (LONG // 5),
        "http://x/" + "?" * LONG,
        "http://x/" + "?token=ab" * (LONG // 9),
        "http://x/" + ";token" * (LONG // 6),
        "http://" + "@" * LONG,
        "://" * (LONG // 3),
        "a" * LONG,
    ],
    ids=lambda text: text[:12],
)
def test_masks_are_linear(text):
    """By the quadratic ones of before, this took from half a minute to an hour."""
    masked(text)
    masked_in(text, text)


@pytest.mark.parametrize("secret", ["\\" * 40, "\\a" * 40, "a" * 3000 + "b"])
def test_forms_of_a_secret_are_not_tried_in_every_combination(secret):
    text = secret[:-1] + "!"
    assert masked_in(text, f"http://h/?token={secret}") == text


def test_an_address_of_megabytes_is_refused():
    url = "http://host/"
    assert refusal(url.ljust(LONGEST_URL, "a")) == ""
    reason = "an address of 8,193 characters, 8,192 at most"
    assert refusal(url.ljust(LONGEST_URL + 1, "a")) == reason
    with pytest.raises(OSError, match=reason):
        open_binary(url.ljust(LONGEST_URL + 1, "a"))
    assert refusal("::" * LONG + "://").startswith("an address of 600,003 characters")


parts = st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=12)


@given(parts, parts, st.sampled_from(["token", "sig", "X-Amz-Signature", "password", "apikey"]))
def test_no_secret_is_left_in_any_place(password, value, name):
    password, value = f"<pw>{password}", f"<value>{value}"
    address = f"https://1:{password}@h/a?x=1&{name}={value}#t"
    for text in (masked(address), masked_in(f"{address} '{password}' {value}", address)):
        assert "<pw>" not in text and "<value>" not in text
        assert f"https://***@h/a?x=1&{name}=***#t" in text
