"""Asking for money in a real browser: a request is made, its address copied, paid with a test card, and half of it goes back; a
payment method is left by a link, and charged. Once in the sandbox, and once on the pages of the reference adapter.

The program checks each page in the widths of a desktop and of a phone, with axe-core, in English and French. CHARGE_TOKEN is a token
with `money:charge`, SANDBOX_ENTRY and HTTP_ENTRY are the entrypoints. AXE, LOOK and SCREENSHOT_DIR are as in portal_walk.py.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from portal_walk import Walker, is_gone, the_browser_found_nothing_wrong
from support import RUN, equal, http, setting, true
from swagger_ui import start_browser


def call(method, path, body=None, status=200):
    answer = http(method, f"/api{path}", setting("CHARGE_TOKEN"), body)
    equal(f"status of {method} {path} ({answer.text[:300]})", answer.status, status)
    return answer.json()


def new_customer(entry, name):
    body = {"email": f"{name}-{RUN}@example.test", "firstname": "Ada", "lastname": "Roe"}
    return call("POST", f"/Customer/single/{entry}", body)["responseData"]["customerId"]


def choose(walker, value):
    """Chooses by keyboard: arrows move in a group of radio buttons."""
    buttons = walker.page.all("input[name=methodType]")
    wanted = next(index for index, button in enumerate(buttons) if button.get_property("value") == value)
    buttons[0].send_keys(Keys.SPACE)
    for _ in range(wanted):
        walker.browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    chosen = next(button for button in walker.page.all("input[name=methodType]") if button.is_selected())
    equal("what is chosen", chosen.get_property("value"), value)


def press(walker):
    old = walker.page.find("html")
    walker.page.find("main form button").send_keys(Keys.ENTER)
    walker.page.wait("the next page", lambda: is_gone(old))


def on_the_adapters_page(walker, method):
    walker.page.wait("the adapter's page", lambda: "/session/" in walker.browser.current_url)
    walker.page.find(f"input[value={method}]").click()
    old = walker.page.find("html")
    walker.page.find("button").click()
    walker.page.wait("the way back", lambda: is_gone(old))


def look_until(walker, text):
    """The adapter of this walk sends no hints, so the service learns of the end when it asks next: the payer looks again."""
    def shown():
        if text in walker.page.find("main").text:
            return True
        walker.browser.refresh()
        return False

    walker.page.wait(f"the words {text!r}", shown)


def status_of(request):
    return call("GET", f"/PaymentRequest/{request['paymentRequestId']}")["status"]


def payments(entry, customer):
    return call("GET", f"/Query/transactions/{entry}?customerId={customer}")["Records"]


def paid_in_the_sandbox(walker):
    entry = setting("SANDBOX_ENTRY")
    customer = new_customer(entry, "sandbox")
    body = {
        "amount": 12.5,
        "description": "Deposit for the workshop",
        "methodTypes": ["card"],
        "collect": ["phone"],
        "successUrl": "https://shop.example/thanks",
    }
    request = call("POST", f"/Customer/{customer}/paymentRequests", body)["responseData"]
    walker.browser.get(request["url"])
    walker.heading("Payment")
    walker.says("12.50 USD")
    walker.looks("pay")
    walker.fill(phone="+442079460117")
    choose(walker, "test-declined")
    press(walker)
    walker.says("declined")
    walker.looks("pay-declined")
    equal("the request after a decline", status_of(request), "DEC")
    walker.fill(phone="+442079460117")
    choose(walker, "test-mastercard")
    press(walker)
    walker.heading("Thank you")
    walker.looks("paid")
    equal("the request", status_of(request), "DON")
    paid = payments(entry, customer)[0]
    equal("what was paid", (paid["TotalAmount"], paid["status"], paid["isTest"]), (12.5, "approved", True))
    call("GET", f"/MoneyIn/refund/{paid['transId']}/6.25")
    summary = call("GET", f"/Customer/{customer}")["customerSummary"]
    equal("what is left", summary["TotalNetAmountTransactions"], 6.25)
    walker.browser.get(request["url"])
    walker.heading("Thank you")


def whoever_has_the_link_pays(walker):
    entry = setting("SANDBOX_ENTRY")
    body = {"open": {"min": 1, "max": 500}, "description": "For the team", "collect": ["address"], "language": "fr"}
    request = call("POST", f"/PaymentRequest/{entry}", body)["responseData"]
    walker.browser.get(request["url"])
    walker.heading("Paiement")
    walker.looks("pay-open-french")
    walker.fill(amount="12,50", email=f"bob-{RUN}@example.test", fullname="Bob Lee", address="9 Elm Row", city="Bath")
    walker.page.find("#country option[value=GB]").click()
    choose(walker, "test-ach")
    press(walker)
    walker.heading("Merci")
    walker.looks("paid-french")
    found = call("GET", f"/Query/customers/{entry}?email(eq)=bob-{RUN}@example.test")["Records"]
    equal("who is registered", [(one["City"], one["Country"]) for one in found], [("Bath", "GB")])
    equal("the payments", len(payments(entry, found[0]["customerId"])), 1)


def a_method_is_left_and_charged(walker):
    customer = new_customer(setting("SANDBOX_ENTRY"), "method")
    link = call("POST", f"/Customer/{customer}/methodLinks", {"methodTypes": ["card", "wallet"]})["responseData"]
    walker.browser.get(link["url"])
    walker.heading("Save a payment method")
    walker.looks("save")
    choose(walker, "test-visa")
    press(walker)
    walker.says("Your payment method is saved.")
    walker.looks("saved")
    methods = call("GET", f"/Customer/{customer}/methods")["Records"]
    equal("the stored methods", [(one["brand"], one["isDefault"]) for one in methods], [("visa", True)])
    charge = call("POST", f"/Customer/{customer}/charges", {"amount": 3})["responseData"]
    equal("the charge", charge["status"], "succeeded")


def paid_on_the_adapters_pages(walker):
    entry = setting("HTTP_ENTRY")
    customer = new_customer(entry, "http")
    request = call("POST", f"/Customer/{customer}/paymentRequests", {"amount": 20})["responseData"]
    walker.browser.get(request["url"])
    walker.heading("Payment")
    walker.looks("pay-provider")
    choose(walker, "card")
    press(walker)
    on_the_adapters_page(walker, "test-visa")
    look_until(walker, "Thank you")
    equal("the request", status_of(request), "DON")
    paid = payments(entry, customer)[0]
    equal("what was paid", (paid["TotalAmount"], paid["status"], paid["isTest"]), (20, "approved", False))
    back = call("POST", f"/MoneyIn/refund/{paid['transId']}/10")
    equal("the refund", back["responseData"]["resultCode"], 1)
    link = call("POST", f"/Customer/{customer}/methodLinks", {"methodTypes": ["card"]})["responseData"]
    walker.browser.get(link["url"])
    walker.heading("Save a payment method")
    press(walker)
    on_the_adapters_page(walker, "test-mastercard")
    look_until(walker, "Your payment method is saved.")
    charge = call("POST", f"/Customer/{customer}/charges", {"amount": 3})["responseData"]
    equal("the charge", charge["status"], "succeeded")


def over(walker):
    entry = setting("SANDBOX_ENTRY")
    customer = new_customer(entry, "over")
    request = call("POST", f"/Customer/{customer}/paymentRequests", {"amount": 5})["responseData"]
    call("POST", f"/PaymentRequest/{request['paymentRequestId']}/cancel")
    walker.browser.get(request["url"])
    walker.heading("This request was taken back")
    walker.looks("pay-cancelled")


def main():
    screenshots = Path(os.environ.get("SCREENSHOT_DIR") or tempfile.mkdtemp(prefix="customary-pay-"))
    screenshots.mkdir(parents=True, exist_ok=True)
    profile = tempfile.mkdtemp(prefix="chromium-profile-")
    browser = None
    try:
        browser = start_browser(profile)
        walker = Walker(browser, screenshots)
        for proof in (
            paid_in_the_sandbox,
            whoever_has_the_link_pays,
            a_method_is_left_and_charged,
            paid_on_the_adapters_pages,
            over,
            the_browser_found_nothing_wrong,
        ):
            proof(walker)
            print(f"pay_walk: {proof.__name__}")
        true("pages were seen", walker.page.taken > 10 or setting("LOOK", "yes") != "yes")
    finally:
        print(f"pay_walk: screenshots in {screenshots}")
        if browser:
            browser.quit()
        shutil.rmtree(profile, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
