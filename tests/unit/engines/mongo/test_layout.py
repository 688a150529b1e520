"""Names and metadata as mongodump writes them."""

import json

import pytest
from bson import Int64
from bson.binary import Binary
from bson.datetime_ms import DatetimeMS

from engines.mongo.layout import Collection, file_name


# What url.PathEscape of Go makes of them, which names mongodump's files.
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("orders", "orders"),
        ("system.js", "system.js"),
        ("odd/name%x", "odd%2Fname%25x"),
        ("line\nend", "line%0Aend"),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("$&+:=@-_.~", "$&+:=@-_.~"),
        (",;", "%2C%3B"),
        ('quote"<>|\\', "quote%22%3C%3E%7C%5C"),
        ("ünïcode", "%C3%BCn%C3%AFcode"),
    ],
)
def test_11_names_with_a_slash_a_percent_sign_or_a_newline_are_escaped_as_mongodump_does(name: str, file: str) -> None:
    assert file_name(name) == file


def test_a_long_name_is_cut_and_its_digest_follows_as_mongodump_does() -> None:
    assert file_name("a" * 238) == "a" * 238
    # base64url(sha1("a" * 239)), without its end
    assert file_name("a" * 239) == "a" * 208 + "%24" + "_cMIV897lX9H69gojV5ddCb0Q5Q"
    assert len(file_name("ü" * 200)) == 238


def test_no_name_of_an_object_has_two_dots_beside_each_other() -> None:  # a manifest's keys have none
    assert file_name("a..b...c") == "a.%2Eb.%2E.c"


INDEXES = [
    {"v": 2, "key": {"_id": 1}, "name": "_id_"},
    {"v": 2, "key": {"a": -1, "b": 1, "c": 1.0, "d": Int64(1)}, "name": "order of keys", "unique": True},
    {"v": 2, "key": {"_id": "hashed"}, "name": "hashed"},
    {"v": 2, "key": {"place": "2dsphere"}, "name": "sphere", "2dsphereIndexVersion": 3},
    {"v": 2, "key": {"$**": 1}, "name": "wildcard", "wildcardProjection": {"secret": 0}},
    {"v": 2, "key": {"at": 1}, "name": "ttl", "expireAfterSeconds": Int64(3600)},
    {
        "v": 2,
        "key": {"at": 1, "b": 1},
        "name": "partial",
        "partialFilterExpression": {"at": {"$gt": DatetimeMS(-(2**60))}, "u": Binary(b"x" * 16, 4)},
        "collation": {"locale": "uz", "strength": 2, "caseLevel": False},
        "sparse": True,
    },
]


def test_11_index_specs_survive_to_the_type_of_each_number_and_the_order_of_keys() -> None:
    collection = Collection(
        name="o/rders",
        options={"capped": True, "size": Int64(4096), "validator": {"$expr": {"$gt": ["$a", 0.0]}}},
        indexes=INDEXES,
        uuid="00112233445566778899aabbccddeeff",
    )
    again = Collection.from_metadata(collection.to_metadata())

    def typed(value: object) -> object:
        if isinstance(value, dict):
            return [(name, typed(each)) for name, each in value.items()]
        if isinstance(value, list | tuple):
            return [typed(each) for each in value]
        return (type(value), value)

    assert typed(again.indexes) == typed(INDEXES)
    assert typed(again.options) == typed(collection.options)
    assert (again.name, again.kind, again.uuid) == (collection.name, collection.kind, collection.uuid)


def test_metadata_is_canonical_extended_json_with_mongodumps_fields() -> None:
    said = Collection(name="v", kind="view", options={"viewOn": "orders", "pipeline": []}).to_metadata()
    assert json.loads(said) == {
        "options": {"viewOn": "orders", "pipeline": []},
        "indexes": [],
        "collectionName": "v",
        "type": "view",
    }
    said = Collection(name="o", indexes=INDEXES[:1], uuid="ab" * 16).to_metadata()
    assert said == (
        b'{"indexes":[{"v":{"$numberInt":"2"},"key":{"_id":{"$numberInt":"1"}},"name":"_id_"}],'
        b'"uuid":"' + b"ab" * 16 + b'","collectionName":"o","type":"collection"}'
    )


def test_a_view_has_no_documents_and_a_time_series_has_its_buckets() -> None:
    assert Collection(name="v", kind="view").data_object == ""
    series = Collection(name="t/s", kind="timeseries")
    assert (series.metadata_object, series.data_object) == (
        "t%2Fs.metadata.json.zst",
        "system.buckets.t%2Fs.bson.zst",
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"{}",
        b'{"collectionName":""}',
        b'{"collectionName":"a","type":"heap","indexes":[]}',
        b'{"collectionName":"a","indexes":null}',
        b'{"collectionName":"a","indexes":[{"name":"x"}]}',
        b'{"collectionName":"a","indexes":[1]}',
        b'{"collectionName":"a","options":[],"indexes":{}}',
        b'{"collectionName":"a","indexes":[],"options":{"x":{"$numberInt":"many"}}}',
    ],
)
def test_what_is_no_metadata_is_told(body: bytes) -> None:
    with pytest.raises(ValueError):
        Collection.from_metadata(body)
