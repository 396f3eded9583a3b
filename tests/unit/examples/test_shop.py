"""The example application, without a cluster: what its handlers compute, refuse and send."""

from __future__ import annotations

import base64
import io
import json
import socket
import urllib.request
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.controller import Controller
from PIL import Image
from pydantic import ValidationError

from evertask import Context
from shop import mails, payments, reports, thumbnails
from shop.mail_sink import Mailbox, http_server
from shop.registration import draw_avatar, parse_customer
from shop.tasks import ChargeCard, CheckPayment, MakeThumbnail, MonthlyReport, SendWelcomeEmail

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDERS = """date,category,quantity,cents
2026-04-30,books,1,1990
2026-05-02,books,2,1990
2026-05-04,toys,1,2500
2026-06-01,toys,9,2500
"""


def png(width: int, height: int) -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(output, format="PNG")
    return output.getvalue()


# --- mails -------------------------------------------------------------------------------------------------------


@contextmanager
def mail_sink() -> Iterator[tuple[Mailbox, str]]:
    mailbox = Mailbox()
    with socket.socket() as probe:
        # aiosmtpd connects to the port that it was given, so a free one has to be named.
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox, f"127.0.0.1:{port}"
    finally:
        controller.stop()


def test_a_welcome_mail_reaches_the_mail_sink_as_it_was_written():
    with mail_sink() as (mailbox, server):
        mails.send(mails.welcome_message("Zoë", "zoe@example.org", "task-1"), server)
    (mail,) = mailbox.mails()
    assert mail["from"] == mails.SENDER
    assert mail["to"] == ["zoe@example.org"]
    assert mail["subject"] == "Welcome, Zoë!"
    assert mail["messageId"] == "<task-1@shop.example>"
    assert "Hello Zoë," in mail["text"]


def test_a_mail_server_that_is_not_there_is_an_error():
    with mail_sink() as (_, server):
        pass
    with pytest.raises(OSError, match="refused"):
        mails.send(mails.welcome_message("Ada", "ada@example.org", "task-1"), server)


def test_a_name_with_a_line_break_cannot_add_headers():
    with pytest.raises(ValueError, match="linefeed or carriage return"):
        mails.welcome_message("Ada\nBcc: all@example.org", "ada@example.org", "task-1")


@contextmanager
def page_of(mailbox: Mailbox) -> Iterator[str]:
    server = http_server(mailbox, "127.0.0.1", 0)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_mail_sink_shows_what_it_received():
    with mail_sink() as (mailbox, server), page_of(mailbox) as page:
        mails.send(mails.welcome_message("Ada", "ada@example.org", "task-1"), server)
        with urllib.request.urlopen(f"{page}/mails") as answer:
            assert [mail["to"] for mail in json.load(answer)] == [["ada@example.org"]]


# --- thumbnails --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        pytest.param(320, 200, (128, 80), id="landscape"),
        pytest.param(200, 320, (80, 128), id="portrait"),
        pytest.param(128, 128, (128, 128), id="exact"),
        pytest.param(30, 20, (30, 20), id="small-stays-small"),
        pytest.param(4000, 2, (128, 1), id="extreme-keeps-a-pixel"),
    ],
)
def test_a_thumbnail_keeps_the_proportions(width, height, expected):
    made = thumbnails.make_thumbnail(png(width, height), 128)
    assert (made.width, made.height) == expected
    with Image.open(io.BytesIO(made.png)) as image:
        assert (image.format, image.size) == ("PNG", expected)


def test_what_is_no_picture_is_refused_with_a_sentence():
    with pytest.raises(thumbnails.UnusablePictureError, match="the upload of 9 bytes is not a picture"):
        thumbnails.make_thumbnail(b"plain txt", 128)


def test_a_truncated_picture_is_refused_with_a_sentence():
    with pytest.raises(thumbnails.UnusablePictureError, match="cannot be opened"):
        thumbnails.make_thumbnail(draw_avatar("Ada")[:-400], 128)


def test_a_picture_that_would_fill_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(thumbnails.UnusablePictureError, match="cannot be opened"):
        thumbnails.make_thumbnail(png(20, 20), 128)


def test_a_picture_travels_as_base64_and_back():
    sent = MakeThumbnail(picture=base64.b64encode(png(3, 2)))
    read = MakeThumbnail.model_validate(json.loads(sent.model_dump_json()))
    assert read.picture == png(3, 2)


# --- payments ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "cents"),
    [
        pytest.param("A-1001", 4990, id="two-payments-add-up"),
        pytest.param("A-1003", 1200, id="one"),
        pytest.param("A-9999", 0, id="none"),
    ],
)
def test_what_was_received_for_an_order_is_added_up(order, cents):
    statement = "order,cents\nA-1001,2500\nA-1001,2490\nA-1003,1200\n"
    assert payments.received_cents(statement, order) == cents


def test_the_banks_statement_is_in_the_package():
    answer = payments.CheckPaymentHandler().handle(CheckPayment(order="A-1001", cents_due=4990), Context())
    assert answer == {"order": "A-1001", "paid": True, "centsReceived": 4990, "centsDue": 4990}


def test_a_declined_card_says_what_customer_service_must_know_and_no_card_number():
    task = ChargeCard(order="A-1003", card="4000000000009995", cents=1205)
    with pytest.raises(payments.CardDeclined) as declined:
        payments.ChargeCardHandler().handle(task, Context())
    assert str(declined.value) == (
        "order A-1003: the card ending in 9995 was declined (insufficient funds); "
        "ask the customer for another card, EUR 12.05 are still due"
    )


def test_a_good_card_is_charged_and_its_number_is_not_repeated():
    answer = payments.ChargeCardHandler().handle(
        ChargeCard(order="A-1001", card="4242424242424242", cents=100), Context()
    )
    assert answer == {"order": "A-1001", "card": "**** 4242", "centsCharged": 100}


# --- reports -----------------------------------------------------------------------------------------------------


def test_a_report_adds_up_its_own_month_by_category():
    assert reports.month_totals(ORDERS, "2026-05") == reports.Totals(2, 6480, {"books": 3980, "toys": 2500})


def test_a_month_without_orders_is_an_empty_report():
    assert reports.month_totals(ORDERS, "2025-01") == reports.Totals(0, 0, {})


@pytest.mark.parametrize(
    ("orders", "message"),
    [
        pytest.param("date,quantity,cents\n", "lack the column category", id="column"),
        pytest.param("date,category,quantity,cents\n2026-05-01,toys,two,5\n", "line 2 .*'two'", id="number"),
        pytest.param("date,category,quantity,cents\n2026-05-01,toys,1\n", "line 2", id="short-line"),
    ],
)
def test_orders_that_cannot_be_read_name_the_place(orders, message):
    with pytest.raises(reports.BrokenOrdersError, match=message):
        reports.month_totals(orders, "2026-05")


# --- what can be asked for ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "field"),
    [
        pytest.param(lambda: SendWelcomeEmail(name="Ada", address="ada"), "address", id="address"),
        pytest.param(lambda: CheckPayment(order="1001", cents_due=1), "order", id="order"),
        pytest.param(lambda: CheckPayment(order="A-1001", cents_due=-1), "cents_due", id="amount"),
        pytest.param(lambda: ChargeCard(order="A-1001", card="4242", cents=1), "card", id="card"),
        pytest.param(lambda: MonthlyReport(month="2026-13", orders=""), "month", id="month"),
        pytest.param(lambda: MakeThumbnail(picture=b"", largest_side=0), "largest_side", id="side"),
    ],
)
def test_a_senseless_request_is_refused_before_it_is_dispatched(make, field):
    with pytest.raises(ValidationError, match=field):
        make()


@pytest.mark.parametrize("text", ["Ada", ":ada@example.org", "Ada:"])
def test_a_customer_needs_a_name_and_an_address(text):
    with pytest.raises(ValueError, match="Name:address"):
        parse_customer(text)


def test_an_avatar_is_a_picture_that_a_thumbnail_can_be_made_from():
    assert thumbnails.make_thumbnail(draw_avatar("Ada"), 96).width == 96
