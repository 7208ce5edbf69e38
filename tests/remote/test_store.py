"""Objects are read and written, and whatever goes wrong is one line."""

from datetime import timedelta
from pathlib import Path

import pytest

from smalti.errors import BusyError, MissingExtraError, OptionError
from smalti.remote import store as store_module
from smalti.remote.address import is_store, parse_address
from smalti.remote.lease import ObjectLease, leased_object
from smalti.remote.settings import store_settings
from smalti.remote.store import Store, StoreError
from tests.needs import without_packages
from tests.remote.loopback import Faulty


def test_an_address_has_a_bucket_and_a_key() -> None:
    address = parse_address("s3://maps/a//b/c.tif/")
    assert str(address) == "s3://maps/a/b/c.tif"
    assert (str(address.above), address.name, str(address.above.at("d"))) == (
        "s3://maps/a/b",
        "c.tif",
        "s3://maps/a/b/d",
    )
    assert parse_address("/vsigs/maps/x") == parse_address("gs://maps/x")
    assert not is_store("https://maps/a.tif")
    for wrong in ("s3:///a", "https://a/b", "s3://maps/../a"):
        with pytest.raises(OptionError):
            parse_address(wrong)


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_packages(monkeypatch, "obstore")
    address, file = parse_address("s3://maps/a"), tmp_path / "a"
    file.write_bytes(b"a")
    there = Store(address)
    for call in (
        lambda: there.head(address), lambda: there.get(address), lambda: there.job_of(address),
        lambda: there.put_if(address, b"1", None), lambda: there.upload(file, address, "job"),
        lambda: there.names(address), lambda: there.check_writable(address), lambda: there.remove(address),
    ):  # fmt: skip
        with pytest.raises(MissingExtraError, match=r"obstore, .*smalti\[remote\]"):
            call()


def test_only_the_first_creates_and_only_the_last_version_is_replaced(store: Faulty) -> None:
    address = parse_address("s3://maps/conditional/a")
    there = Store(address)
    assert there.head(address) is None and there.get(address) is None
    first = there.put_if(address, b"1", None)
    assert first is not None and there.put_if(address, b"2", None) is None
    second = there.put_if(address, b"3", first)
    assert second is not None and there.put_if(address, b"4", first) is None
    assert there.get(address) == (b"3", second)


def test_a_write_whose_answer_was_lost_counts(store: Faulty) -> None:
    address = parse_address("s3://maps/conditional/b")
    store.go_wrong({"path": "/maps/conditional/b", "method": "PUT", "kind": "cut", "times": 1})
    assert Store(address).put_if(address, b"1", None) is not None
    assert Store(address).put_if(address, b"1", None) is not None


def test_a_file_is_uploaded_in_parts_and_known_by_its_job(
    store: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "PART", 5 << 20)
    file = tmp_path / "a.tif"
    file.write_bytes(bytes(range(256)) * (6 << 12))
    address = parse_address("s3://maps/parts/a.tif")
    blob = Store(address).upload(file, address, "job")
    assert blob.size == 6 << 20 and blob.etag.endswith('-2"')
    assert Store(address).job_of(address) == "job"
    store.put("maps/parts/b.tif", b"of someone else")
    assert Store(address).job_of(address.above.at("b.tif")) == ""
    assert Store(address).job_of(address.above.at("none")) is None


@pytest.mark.parametrize(("kind", "times"), [("503", 2), ("cut", 2), ("slow", 1)])
@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_what_passes_is_tried_again(store: Faulty, kind: str, times: int, method: str) -> None:
    address = parse_address(f"s3://maps/again/{kind}-{method}")
    store.go_wrong({"path": "/maps/again/", "method": method, "kind": kind, "times": times})
    assert Store(address).put_if(address, b"1" * 1000, None) is not None
    found = Store(address).get(address)
    assert found is not None and found[0] == b"1" * 1000
    assert store.came() == times


def test_what_lasts_is_one_line(store: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    address = parse_address("s3://maps/lasts/a")
    monkeypatch.setitem(store_module.BUDGET, "retry_timeout", timedelta(seconds=0.2))
    store.go_wrong({"path": "/maps/lasts", "kind": "503", "times": 1000})
    with pytest.raises(
        StoreError, match=r"^s3://maps/lasts/a: the store does not answer as expected \(SlowDown\).*resume$"
    ):
        Store(address).put_if(address, b"1", None)
    store.go_wrong({"path": "/maps/lasts", "kind": "expired", "times": 1000})
    with pytest.raises(StoreError, match="the credentials have expired"):
        Store(address).put_if(address, b"1", None)
    store.go_wrong()
    nowhere = parse_address("s3://no-such-bucket/a")
    with pytest.raises(StoreError, match="there is no such bucket"):
        Store(nowhere).check_writable(nowhere)


def test_a_place_that_can_be_written_is_left_as_it_was(store: Faulty) -> None:
    place = parse_address("s3://maps/probe")
    assert abs(Store(place).check_writable(place)) < timedelta(seconds=30)
    import obstore

    assert not obstore.list(Store(place)._opened, "probe").collect()


def test_a_lease_is_one_processs_at_a_time_and_expires(store: Faulty) -> None:
    output = parse_address("s3://maps/lease/a.tif")
    there = Store(output)
    with leased_object(there, output) as lease:
        with pytest.raises(BusyError, match="is already making it"), leased_object(there, output):
            pass
        lease.check()
        with leased_object(there, output, ahead=timedelta(seconds=100)):  # by a clock by which it has expired
            pass
    assert there.head(output.above.at("a.tif.lock")) is None


def test_the_lease_of_a_process_that_has_died_here_is_free_at_once(store: Faulty) -> None:
    import socket

    output = parse_address("s3://maps/lease/b.tif")
    there = Store(output)
    place = ObjectLease(there, output.above.at("b.tif.lock"), timedelta())
    assert place.put(f"PID 999999999 on {socket.gethostname()}\n1\n".encode(), None) is not None
    with leased_object(there, output):
        pass


def test_a_lease_in_a_store_that_does_not_answer_is_one_line(store: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(store_module.BUDGET, "retry_timeout", timedelta(seconds=0.2))
    output = parse_address("s3://maps/lease/c.tif")
    store.go_wrong({"path": "/maps/lease", "kind": "expired", "times": 1000})
    with pytest.raises(StoreError, match="expired"), leased_object(Store(output), output):
        pass


def test_settings_are_those_of_gdal_and_of_aws(tmp_path: Path) -> None:
    gdal = {"AWS_S3_ENDPOINT": "localhost:9000", "AWS_HTTPS": "NO", "AWS_NO_SIGN_REQUEST": "YES"}
    assert store_settings("s3", gdal) == {"endpoint": "http://localhost:9000", "skip_signature": True}
    assert store_settings("az", {"AZURE_STORAGE_ACCOUNT": "a"}) == {"account_name": "a"}
    assert store_settings("gs", {"GS_NO_SIGN_REQUEST": "YES"}) == {"skip_signature": True}
    file = tmp_path / "credentials"
    file.write_text("[work]\naws_access_key_id = k\naws_secret_access_key = s%\naws_session_token = t\n")
    profile = {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_PROFILE": "work", "AWS_DEFAULT_REGION": "eu-west-1"}
    keys = {"access_key_id": "k", "secret_access_key": "s%", "session_token": "t"}
    assert store_settings("s3", profile) == {"region": "eu-west-1", **keys}
    assert store_settings("s3", profile | {"AWS_PROFILE": "none"}) == {"region": "eu-west-1"}
