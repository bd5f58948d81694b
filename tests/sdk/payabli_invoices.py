"""Payabli's own Python SDK, unmodified, on invoices: made, changed, finalized, read, listed, sent, deleted. Settings: see
support.py.
"""

import time
from pathlib import Path

from payabli import payabli
from payabli.core.api_error import ApiError
from payabli.errors import BadRequestError
from payabli.types import BillData, BillItem, InvoiceElement, PayorDataRequest, PushPayLinkRequest_Email

from support import RUN, Failed, entrypoint, equal, full_token, http, mail, run_proofs, server_url, setting

ENTRY = entrypoint()
SECONDS = 20
api = payabli(base_url=server_url() + "/api", token=full_token(), max_retries=0)


def same(expected, actual, what):
    equal(what, actual, expected)


def buyer(name):
    return PayorDataRequest(first_name=name, last_name="Roe", billing_email=mail(name.lower()))


def items():
    return [
        BillItem(item_product_name="Tea", item_description="Green", item_qty=2, item_cost=4.5, item_mode=1, item_tax_rate=20.0),
        BillItem(item_product_name="Book", item_qty=1, item_cost=12.0, item_mode=0, item_total_amount=12.0),
    ]


def add(name, **more):
    answer = api.invoice.add_invoice(ENTRY, customer_data=buyer(name), invoice_data=BillData(items=items(), **more))
    same((True, 1, "Success"), (answer.is_success, answer.response_code, answer.response_text), "the answer")
    return answer.response_data


def an_invoice_gets_the_number_that_was_told():
    told = api.invoice.get_invoice_number(ENTRY)
    same(True, told.is_success, "the answer")
    number = add("Ada", invoice_number=told.response_data, invoice_status=1, payment_terms="NET30", purchase_order="PO-1")
    invoice = api.invoice.get_invoice(number)
    same((number, told.response_data, 1), (invoice.invoice_id, invoice.invoice_number, invoice.invoice_status), "the invoice")
    same((22.8, 0, 1.8), (invoice.invoice_amount, invoice.invoice_paid_amount, invoice.tax), "what it comes to")
    same((30, "PO-1"), ((invoice.invoice_due_date - invoice.invoice_date).days, invoice.purchase_order), "its terms")
    same(["Tea", "Book"], [item.item_product_name for item in invoice.items], "its items")
    same("Roe", invoice.customer.last_name, "its customer")


def a_draft_is_changed_and_deleted():
    number = add("Bo")
    same((0, ""), (api.invoice.get_invoice(number).invoice_status, api.invoice.get_invoice(number).invoice_number), "the draft")
    edited = api.invoice.edit_invoice(number, invoice_data=BillData(discount=1.0, notes="thanks"))
    same((True, number), (edited.is_success, edited.response_data), "the change")
    invoice = api.invoice.get_invoice(number)
    same((1.0, "thanks", 2), (invoice.discount, invoice.notes, len(invoice.items)), "the changed draft")
    deleted = api.invoice.delete_invoice(number)
    same((True, number), (deleted.is_success, deleted.response_data), "the deletion")
    try:
        api.invoice.get_invoice(number)
    except ApiError as error:
        same(404, error.status_code, "the status")
    else:
        raise Failed("a deleted draft is still read")


def a_wrong_invoice_is_refused():
    try:
        api.invoice.add_invoice(ENTRY, customer_data=buyer("Cy"), invoice_data=BillData(items=[]))
    except BadRequestError as error:
        same(400, error.status_code, "the status")
    else:
        raise Failed("an invoice without items was taken")


def lists_show_invoices_and_what_is_paid():
    number = add("Di", invoice_status=1)
    invoice = api.invoice.get_invoice(number)
    paid = http("POST", f"/api/Invoice/{number}/payments", full_token(), {"method": "cash"})
    same(200, paid.status, "the status")
    listed = api.invoice.list_invoices(ENTRY, limit_record=5, parameters={"invoiceNumber(eq)": invoice.invoice_number})
    same(1, listed.summary.total_records, "invoices in the summary")
    record = listed.records[0]
    same((number, 4, 22.8), (record.invoice_id, record.invoice_status, record.invoice_paid_amount), "the record")
    same(("Di", "Roe"), (record.first_name, record.last_name), "the buyer")
    org = api.invoice.list_invoices_org(1, limit_record=5, parameters={"status(eq)": "4", "customerId(eq)": str(record.customer_id)})
    same([number], [one.invoice_id for one in org.records], "in the organisation's list")
    add("Di", invoice_status=1)
    ids = {}
    for order in ("asc", "desc"):
        page = api.invoice.list_invoices(ENTRY, limit_record=0, sort_by=f"{order}(invoiceDate)")
        ids[order] = [one.invoice_id for one in page.records]
    same(ids["asc"], ids["desc"][::-1], "the two orders")
    query = http("GET", f"/api/Query/invoices/{ENTRY}?status=4&customerId={record.customer_id}", full_token())
    same(1, query.json()["Summary"]["totalRecords"], "by the query")


def an_invoice_is_sent():
    number = add(f"Ed{RUN}", invoice_status=1)
    sent = api.invoice.send_invoice(number, attachfile=True)
    same((True, "Success"), (sent.is_success, sent.response_text), "the answer")
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for file in Path(setting("MAIL_DIR")).glob("*-invoice-*.eml"):
            text = file.read_text()
            if f"To: {mail(f'ed{RUN}'.lower())}" in text:
                same(True, "application/pdf" in text, "the document in the mail")
                return
        time.sleep(0.1)
    raise Failed("no mail with the invoice")


def a_payment_link_asks_for_what_is_open():
    number = add(f"Flo{RUN}", invoice_status=1)
    made = api.payment_link.add_pay_link_from_invoice(number, invoices=InvoiceElement(enabled=True), amount_fixed=True)
    same((True, "Success"), (made.is_success, made.response_text), "the answer")
    link = made.response_data
    loaded = api.payment_link.get_pay_link_from_id(link)
    same(True, loaded.is_success, "the link that is read")
    request = http("GET", f"/api/PaymentRequest/{link}", full_token()).json()
    same((number, 22.8, "NEW"), (request["invoiceId"], request["amount"], request["status"]), "the request")
    same(link, api.payment_link.refresh_pay_link_from_id(link).response_data, "the link that is refreshed")
    same(link, api.payment_link.send_pay_link_from_id(link, attachfile=True).response_data, "the link that is sent")
    pushed = api.payment_link.push_pay_link_from_id(link, request=PushPayLinkRequest_Email())
    same(True, pushed.is_success, "the link that is pushed")
    same(link, api.payment_link.delete_pay_link_from_id(link).response_data, "the link that is deleted")
    request = http("GET", f"/api/PaymentRequest/{link}", full_token()).json()
    same("CAN", request["status"], "the request that was taken back")


PROOFS = [
    an_invoice_gets_the_number_that_was_told,
    a_draft_is_changed_and_deleted,
    a_wrong_invoice_is_refused,
    lists_show_invoices_and_what_is_paid,
    an_invoice_is_sent,
    a_payment_link_asks_for_what_is_open,
]

if __name__ == "__main__":
    run_proofs("payabli_invoices", PROOFS)
