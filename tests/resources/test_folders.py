"""Where files are put: a directory that nobody leads out of, and object stores, each behind the same inbox."""

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import fsspec
import pytest

from daybook.intake import sheet
from resources.facts import Facts
from resources.folders import Bucket, FolderError, folder
from resources.inbox import Inbox, InboxError
from resources.settings import settings as read_settings

REFERENCE = b"instrument,currency\nAAPL,USD\nVOD,GBP\n"
PRICES = b"business_date,instrument,close\n2024-01-05,AAPL,150\n2024-01-05,VOD,90\n"
NAME = "prices_2024-01-05.csv"


@pytest.fixture
def inbox(settings, lake, engine) -> Inbox:
    (settings.home / "inbox").mkdir()
    return Inbox(settings, lake, engine, pause=lambda: None)


@pytest.fixture
def store():
    found = fsspec.filesystem("memory")
    found.store.clear()
    found.pseudo_dirs.clear()
    yield found
    found.store.clear()


@pytest.fixture
def bucket(inbox, store) -> Inbox:
    """An inbox in an object store, with reference data."""
    store.pipe("/firm/inbox/instruments_2024-01-02.csv", REFERENCE)
    made = replace(inbox, settings=replace(inbox.settings, inbox_uri="memory://firm/inbox"))
    made.take_in()
    return made


def outcomes(intake) -> list[tuple]:
    return [(taken.file, taken.rows, taken.quarantined, taken.outcome) for taken in intake.files]


def reasons(intake) -> dict[str, str]:
    return {taken.file: taken.reason for taken in intake.files}


# -- a directory ------------------------------------------------------------------------------------------------------


def test_a_link_that_leads_out_is_refused_and_one_within_is_read(inbox, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_bytes(PRICES)
    (inbox.folder.path / NAME).symlink_to(secret)
    (inbox.folder.path / "books_2024-01-05.csv").symlink_to("../../../../../../../../etc/passwd")
    (inbox.folder.path / "issuers_2024-01-05.csv").symlink_to("issuers_2024-01-05.csv")
    (inbox.folder.path / "whole.csv").write_bytes(REFERENCE)
    (inbox.folder.path / "instruments_2024-01-02.csv").symlink_to("whole.csv")
    taken = inbox.take_in()
    found = reasons(taken)
    assert found[NAME] == "a link that leads out of the inbox: put the file itself there"
    assert found["books_2024-01-05.csv"] == found[NAME]
    assert found["issuers_2024-01-05.csv"].startswith("cannot be read")
    assert ("instruments_2024-01-02.csv", 2, 0, "complete") in outcomes(taken)
    kept = [path.read_bytes() for path in (inbox.settings.home / "files").iterdir()]
    assert PRICES not in kept
    assert inbox.take_in().files == ()


def test_an_inbox_that_is_itself_a_link_is_read(inbox, tmp_path):
    (tmp_path / "drop").symlink_to(inbox.folder.path)
    (inbox.folder.path / "instruments_2024-01-02.csv").write_bytes(REFERENCE)
    made = replace(inbox, settings=replace(inbox.settings, inbox_uri=str(tmp_path / "drop")))
    assert outcomes(made.take_in()) == [("instruments_2024-01-02.csv", 2, 0, "complete")]


def test_a_person_may_name_a_link_elsewhere(inbox, tmp_path):
    (tmp_path / "latest").write_bytes(REFERENCE)
    (tmp_path / "instruments_2024-01-02.csv").symlink_to("latest")
    [taken] = inbox.take_in([tmp_path / "instruments_2024-01-02.csv"]).files
    assert taken.rows == 2


def test_a_pipe_is_no_file_and_nobody_waits_for_it(inbox):
    os.mkfifo(inbox.folder.path / NAME)
    assert reasons(inbox.take_in()) == {NAME: "not a file: only files in the inbox itself are read"}


def test_a_file_larger_than_is_read_is_refused_unread(inbox):
    with (inbox.folder.path / NAME).open("wb") as file:
        file.truncate(sheet.BYTES + 1)  # sparse: nothing is written
    assert reasons(inbox.take_in()) == {
        NAME: "the file has 536,870,913 bytes, and at most 536,870,912 are read at once: deliver it in parts"
    }


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_look(inbox, monkeypatch):
    path = inbox.folder.path / "instruments_2024-01-02.csv"
    path.write_bytes(REFERENCE[:30])
    close = os.close

    def growing(descriptor: int) -> None:
        close(descriptor)
        if descriptor in opened:
            path.write_bytes(REFERENCE)

    opened, open_ = set(), os.open

    def noted(target, *arguments, **words) -> int:
        descriptor = open_(target, *arguments, **words)
        if str(target) == str(path):
            opened.add(descriptor)
        return descriptor

    monkeypatch.setattr(os, "open", noted)
    monkeypatch.setattr(os, "close", growing)
    assert outcomes(inbox.take_in()) == [(path.name, 0, 0, "unfinished")]
    assert not list((inbox.settings.home).glob("files/*"))
    monkeypatch.undo()
    assert outcomes(inbox.take_in()) == [(path.name, 2, 0, "complete")]


def test_ingest_copies_whole_files_and_writes_through_no_link(inbox, tmp_path):
    outside, file = tmp_path / "precious", tmp_path / "instruments_2024-01-02.csv"
    outside.write_text("precious")
    file.write_bytes(REFERENCE)
    target = inbox.folder.path / file.name
    target.symlink_to(outside)
    assert outcomes(inbox.ingest([file])) == [(file.name, 2, 0, "complete")]
    assert outside.read_text() == "precious"
    assert not target.is_symlink()
    assert [path.name for path in inbox.folder.path.iterdir()] == [file.name]
    assert outcomes(inbox.ingest([target])) == [(file.name, 0, 0, "unchanged")]


def test_ingest_of_two_files_with_one_name_is_refused(inbox, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    files = [tmp_path / "a" / NAME, tmp_path / "b" / NAME]
    for file in files:
        file.write_bytes(PRICES)
    with pytest.raises(InboxError, match="two files are called prices_2024-01-05"):
        inbox.ingest(files)


def test_a_directory_that_is_not_there_is_no_empty_inbox(inbox, tmp_path):
    made = replace(inbox, settings=replace(inbox.settings, inbox_uri=str(tmp_path / "typo")))
    with pytest.raises(FolderError, match="typo cannot be listed: No such file or directory"):
        made.take_in()


def test_a_uri_of_files_is_a_directory(inbox, tmp_path):
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "instruments_2024-01-02.csv").write_bytes(REFERENCE)
    made = replace(inbox, settings=replace(inbox.settings, inbox_uri=f"file://{tmp_path}/drop"))
    assert list(made.pending()) == ["instruments_2024-01-02.csv"]
    assert outcomes(made.take_in()) == [("instruments_2024-01-02.csv", 2, 0, "complete")]
    assert made.pending() == {}


# -- an object store --------------------------------------------------------------------------------------------------


def test_objects_are_taken_in_once_and_again_when_they_change(bucket, store, settings, lake, engine):
    store.pipe(f"/firm/inbox/{NAME}", PRICES)
    store.pipe("/firm/inbox/.hidden", b"x")
    store.pipe(f"/firm/inbox/{NAME}.tmp", b"x")
    assert list(bucket.pending()) == [NAME]
    assert (NAME, 2, 0, "complete") in outcomes(bucket.take_in())
    assert bucket.pending() == {}
    assert store.cat(f"/firm/inbox/{NAME}") == PRICES
    assert PRICES in [path.read_bytes() for path in (settings.home / "files").iterdir()]
    store.pipe(f"/firm/inbox/{NAME}", PRICES.replace(b"150", b"151"))
    assert outcomes(bucket.take_in([NAME])) == [(NAME, 2, 0, "complete")]
    assert sorted(Facts(settings, lake, engine).current("raw_prices")["close"]) == [90.0, 151.0]


def test_an_object_still_being_written_is_left(bucket, store):
    store.pipe(f"/firm/inbox/{NAME}", PRICES[:40])
    growing = replace(bucket, pause=lambda: store.pipe(f"/firm/inbox/{NAME}", PRICES))
    assert outcomes(growing.take_in()) == [(NAME, 0, 0, "unfinished")]
    assert outcomes(bucket.take_in()) == [(NAME, 2, 0, "complete")]


def test_what_lies_deeper_is_refused_once_and_keys_lead_nowhere(bucket, store):
    store.pipe(f"/firm/inbox/archive/{NAME}", PRICES)
    store.pipe("/firm/inbox/prices_2022-12-27_..\\..\\x.csv", PRICES)
    found = reasons(bucket.take_in())
    assert found["archive"] == "not a file: only files in the inbox itself are read"
    assert found["prices_2022-12-27_..\\..\\x.csv"].startswith("the name is a path")
    assert bucket.take_in().files == ()


def test_an_object_that_cannot_be_read_now_is_tried_again(bucket, store, monkeypatch):
    store.pipe(f"/firm/inbox/{NAME}", PRICES)

    def broken(*_: object, **__: object) -> bytes:
        raise TimeoutError("the store does not answer")

    monkeypatch.setattr(type(store), "cat_file", broken)
    taken = bucket.take_in()
    assert [(one.file, one.outcome, one.delivery) for one in taken.unreached] == [(NAME, "failed", None)]
    assert reasons(taken) == {NAME: f"{NAME} in memory://firm/inbox cannot be read: the store does not answer"}
    monkeypatch.undo()
    assert outcomes(bucket.take_in()) == [(NAME, 2, 0, "complete")]


def test_ingest_of_a_file_beside_an_object_store_leaves_the_store_alone(bucket, store, tmp_path):
    (tmp_path / NAME).write_bytes(PRICES)
    assert outcomes(bucket.ingest([tmp_path / NAME])) == [(NAME, 2, 0, "complete")]
    assert not store.exists(f"/firm/inbox/{NAME}")


def test_a_prefix_without_objects_is_empty_and_an_unknown_store_is_an_error(inbox):
    assert Bucket("memory://nothing/here").looks() == {}
    for uri, reason in (
        ("nonsense://bucket/inbox", "DAYBOOK_INBOX_URI=nonsense://bucket/inbox cannot be opened: Protocol not known"),
        ("memory:///", None),
    ):
        if reason:
            with pytest.raises(FolderError, match=reason):
                folder(uri).looks()
        else:
            assert folder(uri).looks() == {}


def test_the_setting_names_a_folder_or_a_uri(monkeypatch, tmp_path):
    assert read_settings().inbox_uri is None
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAYBOOK_INBOX_URI", "drop")
    assert read_settings().inbox_uri == str(tmp_path / "drop")
    monkeypatch.setenv("DAYBOOK_INBOX_URI", "s3://bucket/inbox")
    assert read_settings().inbox_uri == "s3://bucket/inbox"


# -- S3, as spoken over HTTP ------------------------------------------------------------------------------------------


class Objects(BaseHTTPRequestHandler):
    """As much of S3 as an inbox asks for: ListObjectsV2, HEAD and GET of one bucket, to anybody."""

    objects: dict[str, bytes] = {}
    asked: list[str] = []

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        self.asked.append(f"{self.command} {key}")
        if bucket != "firm":
            return self._answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
        if "list-type" in parse_qs(url.query):
            return self._answer(200, self._listing(parse_qs(url.query).get("prefix", [""])[0]))
        if key not in self.objects:
            return self._answer(404, b"")
        return self._answer(200, self.objects[key])

    def _listing(self, prefix: str) -> bytes:
        rows = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2024-01-05T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{md5(data).hexdigest()}&quot;</ETag><Size>{len(data)}</Size></Contents>"
            for key, data in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>firm</Name><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
        ).encode()

    def _answer(self, code: int, data: bytes) -> None:
        first, last = 0, len(data) - 1
        if code == 200 and "Range" in self.headers:
            first, last = (int(part) for part in self.headers["Range"].removeprefix("bytes=").split("-"))
            code, data = 206, data[first : last + 1]
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/xml")
        self.send_header("ETag", f'"{md5(data).hexdigest()}"')
        self.send_header("Last-Modified", formatdate(1_704_412_800, usegmt=True))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def s3(monkeypatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Objects)
    Objects.objects, Objects.asked = {}, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    yield f"s3://firm/inbox?endpoint_override=127.0.0.1:{server.server_port}&scheme=http&region=us-east-1"
    server.shutdown()
    server.server_close()


def test_s3_is_read_with_what_is_installed(inbox, s3):
    made = replace(inbox, settings=replace(inbox.settings, inbox_uri=s3))
    Objects.objects = {"inbox/": b"", "inbox/instruments_2024-01-02.csv": REFERENCE, "other/x.csv": b"x"}
    assert outcomes(made.take_in()) == [("instruments_2024-01-02.csv", 2, 0, "complete")]
    Objects.objects[f"inbox/{NAME}"] = PRICES
    assert list(made.pending()) == [NAME]
    assert outcomes(made.take_in()) == [(NAME, 2, 0, "complete")]
    assert made.take_in().files == ()
    assert Objects.asked.count(f"GET inbox/{NAME}") == 1


def test_a_bucket_that_is_closed_to_us_is_no_empty_inbox(s3):
    with pytest.raises(FolderError, match=r"the inbox s3://other/inbox.* cannot be listed: .*ACCESS_DENIED"):
        Bucket(s3.replace("firm/inbox", "other/inbox")).looks()
