"""Payabli's own Python SDK, unmodified, on transactions: those that arrive as Payabli's webhooks are listed, read, linked and
confirmed by mail, and counted in statistics. Settings: see support.py.
"""

import json
import time
from pathlib import Path

from payabli import payabli
from payabli.core.api_error import ApiError
from payabli.errors import BadRequestError

from support import RUN, Failed, entrypoint, equal, full_token, http, run_proofs, server_url, setting

ENTRY = entrypoint()
BASE = server_url() + "/api"
SECONDS = 20
api = payabli(base_url=BASE, token=full_token(), max_retries=0)


def same(expected, actual, what):
    equal(what, actual, expected)


def mail_to(address):
    """The mail to an address, once it is written."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for file in Path(setting("MAIL_DIR")).glob("*.eml"):
            text = file.read_text()
            if f"To: {address}" in text:
                return text
        time.sleep(0.1)
    raise Failed(f"no mail to {address}")


def webhook(number, customer, amount="100.00", event="ApprovedPayment"):
    """A webhook as Payabli sends it, with texts for numbers; returns what the service makes of it."""
    body = {
        "Event": event,
        "transId": f"45-{RUN}{number:04x}",
        "NetAmount": amount,
        "Fee": "0.00",
        "TotalAmount": amount,
        "transTime": "5/23/2022 1:50:50 PM",
        "CustomerNumber": customer,
        "Method": "card",
        "EntryPoint": ENTRY,
        "ResultCode": "1",
    }
    answer = http("POST", f"/api/Ingest/{ENTRY}/payabli", full_token(), json.dumps(body).encode())
    same(200, answer.status, "the status of a webhook")
    return answer.json()["responseData"]["items"][0]


def first_of_new_client(number):
    item = webhook(number, f"P-{RUN}-{number}")
    same("created", item["result"], "what became of the webhook")
    return item


def a_webhook_registers_its_customer_and_the_list_shows_it():
    item = first_of_new_client(1)
    webhook(2, f"P-{RUN}-1", "50.50")
    filters = {"customerId(eq)": str(item["customerId"])}
    listed = api.query.list_transactions(ENTRY, limit_record=20, request_options={"additional_query_parameters": filters})
    same(2, listed.summary.total_records, "transactions in the summary")
    same(150.5, listed.summary.total_amount, "their sum")
    same({item["transId"]}, {record.payment_trans_id for record in listed.records if record.total_amount == 100}, "the id")
    record = listed.records[0]
    same((0, 1, "payabli", "card"), (record.split_count, record.trans_status, record.source, record.method), "the record")
    same(f"P-{RUN}-1", record.customer.customer_number, "whose it is")
    typed = api.query.list_transactions(ENTRY, parameters=filters)
    same(2, typed.summary.total_records, "with the typed argument")
    org = api.query.list_transactions_org(1, limit_record=5, request_options={"additional_query_parameters": filters})
    same(2, org.summary.total_records, "in the organisation's list")
    customer = api.customer.get_customer(item["customerId"])
    same(2, customer.customer_summary.numberof_transactions, "in the record of the customer")
    same([0, 0], [recent.split_count for recent in customer.customer_summary.recent_transactions], "recent transactions")


def pages_follow_one_another():
    for number in range(10, 15):
        webhook(number, f"P-{RUN}-page", f"{number}.00")
    filters = {"customerNumber(eq)": f"P-{RUN}-page"}
    seen = []
    while True:
        page = api.query.list_transactions(ENTRY, limit_record=2, request_options={"additional_query_parameters": filters})
        seen += [record.total_amount for record in page.records]
        if page.summary.page_identifier is None:
            break
        filters["pageIdentifier"] = page.summary.page_identifier
    same([10, 11, 12, 13, 14], sorted(seen), "amounts on all pages")


def details_of_one_transaction():
    item = first_of_new_client(20)
    found = api.money_in.details(item["transId"])
    same((item["transId"], 100, 0), (found.payment_trans_id, found.total_amount, found.split_count), "the transaction")


def a_transaction_of_nobody_is_linked():
    sale = [{"source": "shop", "externalId": f"L-{RUN}", "status": "approved", "amount": 9.5}]
    answer = http("POST", f"/api/Transaction/{ENTRY}", full_token(), json.dumps(sale).encode())
    trans_id = answer.json()["items"][0]["transId"]
    owner = first_of_new_client(30)["customerId"]
    same("Success", api.customer.link_customer_transaction(owner, trans_id).response_text, "the answer")
    same(109.5, api.customer.get_customer(owner).customer_summary.total_amount_transactions, "the total")
    other = first_of_new_client(31)["customerId"]
    try:
        api.customer.link_customer_transaction(other, trans_id)
    except ApiError as error:
        same(409, error.status_code, "the status for another customer")
        return
    raise Failed("money changed its owner")


def a_receipt_is_sent():
    owner = api.customer.add_customer(ENTRY, customer_number=f"R-{RUN}", email=f"receipt-{RUN}@example.test")
    item = webhook(40, f"R-{RUN}")
    same(owner.response_data.customer_id, item["customerId"], "whose the payment is")
    same("Success", api.money_in.send_receipt_2_trans(item["transId"]).response_text, "the answer")
    same(True, "100.00 USD" in mail_to(f"receipt-{RUN}@example.test"), "the mail says what was paid")
    try:
        api.money_in.send_receipt_2_trans(item["transId"], email="somebody@example.test")
    except BadRequestError:
        return
    raise Failed("a receipt went to somebody else")


def statistics_of_a_customer():
    sale = [{"source": "shop", "externalId": f"S-{RUN}", "status": "approved", "amount": 12.25}]
    trans_id = http("POST", f"/api/Transaction/{ENTRY}", full_token(), json.dumps(sale).encode()).json()["items"][0]["transId"]
    owner = first_of_new_client(50)["customerId"]
    api.customer.link_customer_transaction(owner, trans_id)
    rows = api.statistic.customer_basic_stats("today", "d", owner)
    same([(1, 12.25)], [(row.in_transactions, row.in_transactions_volume) for row in rows], "today's sales")


PROOFS = [
    a_webhook_registers_its_customer_and_the_list_shows_it,
    pages_follow_one_another,
    details_of_one_transaction,
    a_transaction_of_nobody_is_linked,
    a_receipt_is_sent,
    statistics_of_a_customer,
]

if __name__ == "__main__":
    run_proofs("payabli_payments", PROOFS)
