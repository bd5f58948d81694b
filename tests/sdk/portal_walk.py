"""The customer portal in a real browser, from the invitation mail to a new password after ten failures.

The program checks every page in the widths of a desktop and of a phone, and axe-core must report no violation. A login
that Payabli's own SDK created signs in too. MAIL_DIR is the server's folder of mails, AXE the file axe.min.js,
CUSTOMARY_SETTINGS_TOKEN a token for settings, CUSTOMARY_TILL an entrypoint with the sandbox, and CUSTOMARY_TILL_TOKEN a token
for its customers, money and settings; LOOK=no skips the checks of layout and accessibility. Screenshots go to
SCREENSHOT_DIR (default: a new temporary folder, named in the output). Further settings: see support.py.
"""

import email
import email.policy
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from payabli import payabli
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.keys import Keys

from support import RUN, Failed, entrypoint, equal, full_token, http, mail, server_url, setting, true
from swagger_ui import Page, start_browser

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
SECONDS = 30
ADDRESS = mail("ada.roe")
PASSWORD = "tulip-carbon-94"
NEW_PASSWORD = "walnut harbour 61"
# axe's own rules, those of WCAG 2.0 to 2.2 at levels A and AA and the best practices.
AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(
  (found) => done(found.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ")).join(", "))),
  (error) => done(["axe failed: " + error]));
"""


class Walker:
    def __init__(self, browser, screenshots):
        self.browser = browser
        self.page = Page(browser, screenshots)
        self.axe = Path(setting("AXE")).read_text()
        self.mails = Path(setting("MAIL_DIR"))
        self.seen = set()

        self.entry = entrypoint()

    def open(self, page):
        self.browser.get(f"{server_url()}/portal/{self.entry}{page}")

    def looks(self, name):
        """Checks the page in both widths, also with axe-core."""
        if setting("LOOK", "yes") != "yes":
            return
        for width, size in WIDTHS.items():
            self.browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": width == "phone"},
            )
            wide = self.browser.execute_script("return document.documentElement.scrollWidth")
            true(f"{name} is {wide} px wide on a {width} of {size[0]}", wide <= size[0])
            tall = self.browser.execute_script("return document.documentElement.scrollHeight")
            self.browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": size[0], "height": max(tall, size[1]), "deviceScaleFactor": 1, "mobile": width == "phone"},
            )
            self.page.screenshot(f"{name}-{width}")
            self.browser.execute_script(self.axe)
            equal(f"what axe-core finds wrong with {name} ({width})", self.browser.execute_async_script(AXE), [])
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def heading(self, text):
        def shown():
            found = [element.text for element in self.page.all("h1")]
            return found == [text]

        self.page.wait(f"the page {text!r}", shown)

    def fill(self, **fields):
        for name, value in fields.items():
            self.page.type_over(self.page.find(f"#{name}"), value)

    def send(self):
        """Sends the form by keyboard alone: Enter in the last field, or on the only button."""
        fields = [field for field in self.page.all("main input:not([type=hidden])") if field.is_displayed()]
        old = self.page.find("html")
        if fields:
            fields[-1].send_keys(Keys.ENTER)
        else:
            self.page.find("main form button").send_keys(Keys.ENTER)
        self.page.wait("the next page", lambda: is_gone(old))

    def follow(self, text):
        old = self.page.find("html")
        link = next(link for link in self.page.all("a") if link.text.strip() == text)
        link.send_keys(Keys.ENTER)
        self.page.wait("the next page", lambda: is_gone(old))

    def press(self, name):
        """Presses a button of the page by keyboard; its accessible name."""
        old = self.page.find("html")
        button = next(button for button in self.page.all("main button") if button.accessible_name == name)
        button.send_keys(Keys.ENTER)
        self.page.wait("the next page", lambda: is_gone(old))

    def language(self, code):
        self.browser.execute_cdp_cmd("Network.enable", {})
        self.browser.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Accept-Language": code}})
        self.browser.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})

    def says(self, text):
        self.page.wait(f"the words {text!r}", lambda: text in self.page.find("main").text)

    def sign_in(self, login, password):
        self.open("/sign-in")
        self.fill(login=login, password=password)
        self.send()

    def sign_out(self):
        old = self.page.find("html")
        self.page.find(".top form button").click()
        self.page.wait("the next page", lambda: is_gone(old))
        self.says("You are signed out.")

    def newest_mail(self, recipient, subject_part=""):
        """Waits for the next mail to a recipient; its text."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for path in sorted(self.mails.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns):
                if path.name in self.seen:
                    continue
                message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                self.seen.add(path.name)
                if message["To"] == recipient:
                    return message.get_body(("plain",)).get_content()
            time.sleep(0.05)
        raise Failed(f"no mail to {recipient} within {SECONDS} s")

    def link_of(self, text):
        found = re.search(r"https?://\S+/(?:set-password|consent)/\S+", text)
        true(f"no link in the mail: {text}", found)
        return found.group(0)


def is_gone(element):
    try:
        element.is_enabled()
        return False
    except WebDriverException:
        return True


def new_customer():
    body = {
        "email": ADDRESS,
        "firstname": "Ada",
        "lastname": "Roe",
        "company": "Roe & Daughters",
        "phone": "+442079460117",
        "address": "9 Elm Row",
        "city": "Bath",
        "zip": "BA1 1AA",
        "country": "GB",
        "customerNumber": f"ACC-{RUN}",
    }
    created = http("POST", f"/api/Customer/single/{entrypoint()}", full_token(), body)
    equal("status of the create", created.status, 200)
    return created.json()["responseData"]["customerId"]


def record(customer):
    answer = http("GET", f"/api/Customer/{customer}", full_token())
    equal("status of GET", answer.status, 200)
    return answer.json()


def from_invitation_to_record(walker, customer):
    equal("status of invite", http("POST", f"/api/Customer/{customer}/invite", full_token()).status, 200)
    link = walker.link_of(walker.newest_mail(ADDRESS))
    walker.browser.get(link)
    walker.heading("Choose a password")
    walker.looks("set-password")
    for weak, why in (("password12", "too easy to guess"), ("ada.roe-2024", "Do not use your own")):
        walker.fill(password=weak, repeat=weak)
        walker.send()
        walker.says(why)
    walker.looks("set-password-refused")
    walker.fill(password=PASSWORD, repeat=PASSWORD)
    walker.send()
    walker.says("Your password is set.")
    walker.looks("sign-in-after-password")
    walker.fill(login=ADDRESS, password=PASSWORD)
    walker.send()
    walker.heading("Ada Roe")
    walker.says("+442079460117")
    walker.looks("record")
    equal("Lifecycle", record(customer)["Lifecycle"], "Active")
    walker.browser.get(link)
    walker.heading("This link no longer works")
    walker.looks("dead-link")


def the_record_is_edited(walker, customer):
    walker.open("/record")
    walker.follow("Edit your record")
    walker.heading("Edit your record")
    walker.looks("edit")
    walker.fill(phone="12", city="Wells")
    walker.send()
    walker.says("This is no phone number.")
    equal("the city that was sent", walker.page.find("#city").get_property("value"), "Wells")
    walker.looks("edit-refused")
    walker.fill(phone="+442079460118")
    walker.send()
    walker.says("Your changes are saved.")
    walker.looks("record-saved")
    stored = record(customer)
    equal("the stored phone", stored["Phone"], "+442079460118")
    equal("the stored city", stored["City"], "Wells")


def consent_is_given_and_withdrawn(walker, customer):
    equal("status of consent", http("POST", f"/api/Customer/{customer}/consent", full_token()).status, 200)
    walker.browser.get(walker.link_of(walker.newest_mail(ADDRESS)))
    walker.heading("Messages from us")
    walker.looks("consent")
    walker.send()
    walker.heading("Thank you")
    walker.looks("consent-given")
    walker.open("/record")
    walker.says("You agreed to receive messages from us.")
    walker.looks("record-with-consent")
    walker.send()
    walker.says("You will receive no more messages from us.")


def the_password_is_changed(walker):
    walker.open("/change-password")
    walker.looks("change-password")
    walker.fill(old="not the old one", password=NEW_PASSWORD, repeat=NEW_PASSWORD)
    walker.send()
    walker.says("This is not your current password.")
    walker.looks("change-password-refused")
    walker.fill(old=PASSWORD, password=NEW_PASSWORD, repeat=NEW_PASSWORD)
    walker.send()
    walker.says("Your password is changed.")
    walker.newest_mail(ADDRESS)


def ten_failures_lock_until_a_reset(walker, customer):
    walker.sign_out()
    walker.sign_in(ADDRESS, NEW_PASSWORD)
    walker.heading("Ada Roe")
    walker.sign_out()
    for attempt in range(10):
        walker.sign_in(ADDRESS, f"guess number {attempt}")
        walker.says("is wrong" if attempt < 9 else "it is locked")
        if attempt == 0:
            walker.looks("sign-in-refused")
    walker.looks("sign-in-locked")
    equal("customerStatus", record(customer)["customerStatus"], 85)
    walker.newest_mail(ADDRESS)
    walker.follow("Forgot your password?")
    walker.looks("forgot-password")
    walker.fill(login=ADDRESS)
    walker.send()
    walker.heading("Check your e-mail")
    walker.looks("forgot-password-sent")
    walker.browser.get(walker.link_of(walker.newest_mail(ADDRESS)))
    walker.fill(password=PASSWORD, repeat=PASSWORD)
    walker.send()
    walker.says("Your password is set.")
    walker.fill(login=ADDRESS, password=PASSWORD)
    walker.send()
    walker.heading("Ada Roe")
    equal("customerStatus", record(customer)["customerStatus"], 1)
    walker.sign_out()


def a_login_made_by_payablis_sdk_signs_in(walker):
    client = payabli(base_url=server_url() + "/api", token=full_token(), max_retries=0)
    client.customer.add_customer(
        entrypoint(),
        firstname="Grace",
        lastname="Oak",
        email=mail("grace"),
        customer_username=f"grace-{RUN}",
        customer_psw="copper moon 2718",
    )
    for login in (f"grace-{RUN}", mail("grace")):
        walker.sign_in(login, "copper moon 2718")
        walker.heading("Grace Oak")
        walker.sign_out()


def till_customer(till, token):
    login = {"customerUsername": f"kim-{RUN}", "customerPsw": PASSWORD}
    body = {"email": mail("kim"), "firstname": "Kim", "lastname": "Hale"} | login
    created = http("POST", f"/api/Customer/single/{till}", token, body)
    equal(f"status of the create ({created.text})", created.status, 200)
    return created.json()["responseData"]["customerId"]


def methods_are_kept_and_money_is_paid(walker):
    walker.entry, token = setting("CUSTOMARY_TILL"), setting("CUSTOMARY_TILL_TOKEN")
    customer = till_customer(walker.entry, token)
    for cost in (20, "1240.50"):
        items = [{"itemProductName": "Tea", "itemCost": cost}]
        body = {"customerData": {"customerId": customer}, "invoiceData": {"items": items, "invoiceStatus": 1}}
        made = http("POST", f"/api/Invoice/{walker.entry}", token, body)
        equal(f"status of the invoice ({made.text})", made.status, 200)
    number = made.json()["invoiceNumber"]
    for body in (
        {"amount": "12.50", "description": "Deposit for the workshop on oak furniture in spring"},
        {"open": {"min": 5}, "description": "A gift", "collect": ["phone"]},
    ):
        made = http("POST", f"/api/Customer/{customer}/paymentRequests", token, body)
        equal(f"status of the request ({made.text})", made.status, 200)
    walker.sign_in(f"kim-{RUN}", PASSWORD)
    walker.heading("Kim Hale")
    walker.looks("till-record")
    a_customer_keeps_methods(walker)
    a_customer_pays(walker, number)
    settings = {"general": [{"key": "maxMethods", "value": "2"}, {"key": "color", "value": "#ffd400"}]}
    answer = http("PUT", f"/api/Paypoint/settings/{walker.entry}", token, settings)
    equal(f"status of settings ({answer.text})", answer.status, 200)
    walker.language("fr-FR,fr;q=0.9")
    for page in ("record", "methods", "invoices"):
        walker.open(f"/{page}")
        walker.looks(f"till-{page}-french")
    walker.open("/record")
    walker.follow("Payer")
    walker.heading("Paiement")
    walker.looks("till-request-french")
    walker.language("en-GB,en;q=0.9")
    walker.open("/record")
    walker.sign_out()
    walker.entry = entrypoint()


def a_customer_keeps_methods(walker):
    walker.follow("Manage payment methods")
    walker.heading("Payment methods")
    walker.says("No payment method is stored.")
    walker.looks("methods-none")
    for number, name in enumerate(("Visa", "Mastercard", "Bank account")):
        walker.press("Add a payment method")
        walker.heading("Save a payment method")
        if number == 0:
            walker.looks("method-add")
        walker.page.all("main input[type=radio]")[number].send_keys(Keys.SPACE)
        walker.send()
        walker.heading("Thank you")
        if number == 0:
            walker.looks("method-added")
        walker.follow("Back to the customer portal")
        walker.says(f"{name} •••• 000{number + 1}")
    walker.looks("methods")
    walker.press("Use first Mastercard •••• 0002")
    walker.says("used first from now on")
    walker.looks("methods-first")
    walker.page.find("summary[aria-label='Remove Visa •••• 0001']").click()
    walker.looks("method-remove")
    walker.press("Remove it now")
    walker.says("The payment method is removed.")
    walker.press("Replace Mastercard •••• 0002")
    walker.says("In place of Mastercard •••• 0002")
    walker.looks("method-replace")
    walker.send()
    walker.follow("Back to the customer portal")
    walker.says("Visa •••• 0001")
    true("the replaced method is gone", "Mastercard" not in walker.page.find("main").text)
    walker.looks("methods-replaced")


def a_customer_pays(walker, number):
    walker.open("/invoices")
    walker.looks("invoices-to-pay")
    walker.press(f"Pay {number}")
    walker.heading("Payment")
    walker.says("1,240.50 USD")
    walker.looks("pay-invoice")
    walker.send()
    walker.heading("Thank you")
    walker.follow("Back to the customer portal")
    walker.heading("Invoices")
    walker.looks("invoices-paid")
    walker.open("/record")
    walker.follow("Pay")
    walker.heading("Payment")
    walker.says("A gift")
    walker.looks("request")
    walker.fill(amount="1", phone="12")
    walker.page.find("main form button").send_keys(Keys.ENTER)
    walker.page.wait("the problems", lambda: walker.page.all("main .note.wrong"))
    walker.looks("request-refused")
    walker.fill(amount="7.50", phone="+442079460117")
    walker.send()
    walker.heading("Thank you")
    walker.looks("request-paid")
    walker.follow("Back to your record")
    walker.says("Deposit for the workshop")
    true("what is paid is not asked for", "A gift" not in walker.page.find("main").text)


def other_pages(walker):
    walker.open("/nothing-here")
    true("a page that is none says so", "Page not found" in walker.page.find("body").text)
    walker.browser.execute_script(walker.axe)
    equal("what axe-core finds wrong", walker.browser.execute_async_script(AXE), [])


def colours_and_languages(walker):
    settings = {
        "general": [
            {"key": "storeName", "value": "Épicerie du Chêne"},
            {"key": "color", "value": "#ffd400"},
            {"key": "language", "value": "fr"},
        ]
    }
    answer = http("PUT", f"/api/Paypoint/settings/{entrypoint()}", setting("CUSTOMARY_SETTINGS_TOKEN"), settings)
    equal(f"status of settings ({answer.text})", answer.status, 200)
    walker.language("fr-FR,fr;q=0.9")
    walker.open("/sign-in")
    walker.heading("Se connecter")
    walker.looks("sign-in-yellow-french")
    walker.sign_in(ADDRESS, PASSWORD)
    walker.looks("record-yellow-french")
    walker.open("/edit")
    walker.looks("edit-yellow-french")


def the_browser_found_nothing_wrong(walker):
    """The console must report no blocked, missing or broken resource. Refused forms are expected."""
    entries = walker.browser.get_log("browser")
    severe = [entry["message"] for entry in entries if entry["level"] == "SEVERE"]
    meant = re.compile(r"status of (403|404|409|410|422|429)")
    equal("errors in the browser's console", [message for message in severe if not meant.search(message)], [])


def main():
    screenshots = Path(os.environ.get("SCREENSHOT_DIR") or tempfile.mkdtemp(prefix="customary-portal-"))
    screenshots.mkdir(parents=True, exist_ok=True)
    profile = tempfile.mkdtemp(prefix="chromium-profile-")
    browser = None
    try:
        browser = start_browser(profile)
        walker = Walker(browser, screenshots)
        customer = new_customer()
        from_invitation_to_record(walker, customer)
        the_record_is_edited(walker, customer)
        consent_is_given_and_withdrawn(walker, customer)
        the_password_is_changed(walker)
        ten_failures_lock_until_a_reset(walker, customer)
        a_login_made_by_payablis_sdk_signs_in(walker)
        methods_are_kept_and_money_is_paid(walker)
        other_pages(walker)
        colours_and_languages(walker)
        the_browser_found_nothing_wrong(walker)
    except (Failed, WebDriverException) as error:
        if browser:
            browser.save_screenshot(str(screenshots / "failed.png"))
        sys.exit(f"portal_walk: {str(error).strip()} (screenshots in {screenshots})")
    finally:
        if browser:
            browser.quit()
        shutil.rmtree(profile, ignore_errors=True)
    print(f"portal_walk: the whole way was walked; {walker.page.taken} screenshots in {screenshots}")


if __name__ == "__main__":
    main()
