"""Payabli's own Python SDK, unmodified, on charges: a stored method is charged, paid back in parts and voided, and a payment link is
paid. CHARGE_TOKEN is a token with `money:charge`, SANDBOX_ENTRY an entrypoint with the sandbox. Further settings: see support.py.
"""

from payabli import PayMethodStoredMethod, PaymentDetail, payabli
from payabli.core.api_error import ApiError

from support import RUN, Failed, equal, http, run_proofs, server_url, setting

ENTRY = setting("SANDBOX_ENTRY")
api = payabli(base_url=server_url() + "/api", token=setting("CHARGE_TOKEN"), max_retries=0)


def same(expected, actual, what):
    equal(what, actual, expected)


def stored(token):
    """A new customer's id, and the id of its stored method."""
    made = api.customer.add_customer(ENTRY, email=f"{token}-{RUN}@example.test")
    customer = made.response_data.customer_id
    body = {"provider": "sandbox", "providerMethodId": token, "method": "card"}
    answer = http("POST", f"/api/Customer/{customer}/methods", setting("CHARGE_TOKEN"), body)
    same(200, answer.status, "the status of a new method")
    return customer, answer.json()["responseData"]["methodId"]


def charge(method, amount, **more):
    return api.money_in.getpaid(
        entry_point=ENTRY,
        payment_details=PaymentDetail(total_amount=amount, service_fee=0),
        payment_method=PayMethodStoredMethod(
            method="card", stored_method_id=method, initiator="merchant", stored_method_usage_type="unscheduled"
        ),
        **more,
    )


def a_stored_method_is_charged_and_paid_back():
    customer, method = stored("test-visa")
    paid = charge(method, 100.0, order_description="Tea", order_id="o-1", ipaddress="203.0.113.7")
    same((True, "Success"), (paid.is_success, paid.response_text), "the answer")
    data = paid.response_data
    same((1, "Approved", customer), (data.result_code, data.result_text, data.customer_id), "the charge")
    found = api.money_in.details(data.reference_id)
    same((1, 100), (found.trans_status, found.total_amount), "the transaction")
    back = api.money_in.refund(data.reference_id, 25.5)
    same((1, True), (back.response_data.result_code, back.is_success), "a refund")
    api.money_in.refund(data.reference_id, 0)
    try:
        api.money_in.refund(data.reference_id, 1)
    except ApiError as error:
        same(409, error.status_code, "the status of a refund too many")
    else:
        raise Failed("more went back than was paid")
    summary = api.customer.get_customer(customer).customer_summary
    same(0, summary.total_net_amount_transactions, "what is left")


def a_key_charges_once():
    _, method = stored("test-mastercard")
    first = charge(method, 5.0, idempotency_key=f"k-{RUN}")
    again = charge(method, 5.0, idempotency_key=f"k-{RUN}")
    same(first.response_data.reference_id, again.response_data.reference_id, "the charge of a key")


def a_charge_is_voided():
    _, method = stored("test-wallet")
    paid = charge(method, 8.0)
    void = api.money_in.void(paid.response_data.reference_id)
    same((1, 1), (void.response_code, void.response_data.result_code), "a void")
    same(5, api.money_in.details(paid.response_data.reference_id).trans_status, "the transaction")


def a_decline_is_an_answer():
    _, method = stored("test-insufficient")
    paid = charge(method, 8.0)
    same((False, "Declined", 2), (paid.is_success, paid.response_text, paid.response_data.result_code), "the answer")


PROOFS = [
    a_stored_method_is_charged_and_paid_back,
    a_key_charges_once,
    a_charge_is_voided,
    a_decline_is_an_answer,
]

if __name__ == "__main__":
    run_proofs("payabli_charges", PROOFS)
