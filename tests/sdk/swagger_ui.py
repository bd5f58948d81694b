"""Swagger UI in a real browser, as a newcomer uses it: authorize, create two customers by "Try it out", find them; then
execute operations as they stand, with the token of the first start (CUSTOMARY_FIRST_TOKEN).

Selenium drives headless Chromium; CHROMIUM and CHROMEDRIVER name the two programs if they are not on the PATH.
Screenshots go to SCREENSHOT_DIR (default: a new temporary folder, named in the output); they show the token, which
Swagger UI prints in its curl line. Further settings: see support.py.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from support import Failed, entrypoint, equal, full_token, http, mail, server_url, setting, true

PATH = "/Customer/single/{entry}"
# Operations that are executed as the page fills them in: with filters, with a file, with If-Match, with every scope. try_it_out.py executes
# all of them without a browser.
AS_THEY_STAND = [
    ("get", "/Query/customers/{entry}"),
    ("post", "/Import/customersForm/{entry}"),
    ("put", "/Customer/{customerId}"),
    ("post", "/Paypoint"),
    ("post", "/Token"),
]
SCHEME = "requestToken"
SECONDS = 30
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,1600",
]


def start_browser(profile):
    options = Options()
    for flag in [*FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.binary_location = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
    )
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
    return webdriver.Chrome(options=options, service=Service(executable_path=driver))


class Page:
    def __init__(self, browser, screenshots):
        self.browser = browser
        self.screenshots = screenshots
        self.taken = 0

    def find(self, css, within=None, what=None):
        """Waits for the first visible element: Swagger UI draws the page piece by piece."""
        return self.wait(what or css, lambda: next((e for e in self.all(css, within) if e.is_displayed()), None))

    def all(self, css, within=None):
        return (within or self.browser).find_elements(By.CSS_SELECTOR, css)

    def wait(self, what, condition):
        ignored = (WebDriverException,)
        return WebDriverWait(self.browser, SECONDS, ignored_exceptions=ignored).until(
            lambda _: condition(), f"after {SECONDS} s the page still does not show: {what}"
        )

    def press(self, element):
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        self.wait("a button that can be pressed", lambda: element.is_enabled())
        element.click()

    def click(self, element):
        """A click without scrolling, for the many operations."""
        self.browser.execute_script("arguments[0].click()", element)

    def type_over(self, element, text):
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.send_keys(Keys.CONTROL, "a")
        element.send_keys(Keys.DELETE)
        element.send_keys(text)
        self.wait(f"the typed text in {element.tag_name}", lambda: element.get_property("value") == text)

    def screenshot(self, name):
        self.taken += 1
        path = self.screenshots / f"{self.taken}-{name}.png"
        if not self.browser.save_screenshot(str(path)):
            raise Failed(f"no screenshot could be written to {path}")


def the_root_leads_to_swagger_ui(page):
    page.browser.get(server_url() + "/")
    page.press(page.find("a[href$='/swagger-ui/']"))
    page.find(".swagger-ui .information-container .title", what="the title of the API")
    address = page.browser.current_url
    true(f"/ leads to {address}, not to /swagger-ui/", address.startswith(server_url() + "/swagger-ui/"))
    page.screenshot("opened")


def the_token_is_accepted_by_authorize(page, token):
    page.press(page.find(".scheme-container button.authorize, .auth-wrapper button.authorize"))

    def form_of_the_scheme():
        forms = page.all(".modal-ux .auth-container")
        return next(
            (form for form in forms if SCHEME in form.text and "(apiKey)" in form.text and page.all("input", form)),
            None,
        )

    form = page.wait(f"the field for {SCHEME}", form_of_the_scheme)
    page.type_over(page.find("input", form), token)
    page.press(page.find("button.authorize", form))

    def logout():
        return next((button for button in page.all(".modal-ux button") if button.text.strip() == "Logout"), None)

    page.wait("Logout, the sign of being authorized", logout)
    page.screenshot("authorized")
    page.press(page.find(".modal-ux button.btn-done, .modal-ux button.close-modal"))
    page.wait("the page without the dialog", lambda: not page.all(".modal-ux"))


def the_create_can_be_tried_out(page):
    """Expands POST /Customer/single/{entry} and returns its block."""

    def block():
        for element in page.all(".opblock.opblock-post"):
            if any(path.get_attribute("data-path") == PATH for path in page.all(".opblock-summary-path", element)):
                return element
        # One section at a time: each key that is pressed later draws all open operations anew.
        for section in page.all(".opblock-tag[data-is-open='false']")[:1]:
            section.click()
        return None

    found = page.wait(f"POST {PATH}", block)
    if not page.all(".opblock-body", found):
        page.press(page.find(".opblock-summary-control", found))
    page.press(page.find(".try-out__btn", found))
    return found


def a_customer_is_created(page, block, name):
    body = {"email": mail(f"swagger.{name}"), "firstname": "Ada", "lastname": f"Roe of the {name} try"}
    page.type_over(page.find("tr[data-param-name='entry'] input", block), entrypoint())
    page.type_over(page.find("textarea.body-param__text", block), json.dumps(body))
    page.screenshot(f"{name}-filled-in")
    page.press(page.find("button.execute", block))

    shown = page.find(".live-responses-table tr.response .response-col_status", block, "the status of the answer")
    status = shown.text.split()[0]
    if status != "200":
        page.screenshot(f"{name}-failed")
        raise Failed(f"the page shows status {status}: {page.find('.live-responses-table', block).text}")
    answer = page.wait("the body of the answer", lambda: json_shown(page, block))
    equal("isSuccess", answer["isSuccess"], True)
    equal("outcome", answer["responseData"]["outcome"], "created")
    equal("Email", answer["responseData"]["Email"], body["email"])
    page.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", shown)
    page.screenshot(f"{name}-created")

    stored = http("GET", f"/api/Customer/{answer['responseData']['customerId']}", full_token())
    equal("status of GET", stored.status, 200)
    for key, value in (("Email", body["email"]), ("Firstname", "Ada"), ("Lastname", body["lastname"])):
        equal(f"stored {key}", stored.json()[key], value)
    equal("stored PaypointEntryname", stored.json()["PaypointEntryname"], entrypoint())
    # This ensures that the next answer is not this one.
    page.press(page.find("button.btn-clear", block))
    page.wait("no answer", lambda: not page.all(".live-responses-table", block))


def json_shown(page, block):
    for element in page.all(".live-responses-table pre", block):
        try:
            shown = json.loads(element.get_property("textContent"))
        except ValueError:
            continue
        if isinstance(shown, dict):
            return shown
    return None


def the_token_is_in_no_storage(page):
    """Neither storage nor cookies keep the token, and a reload forgets it."""
    script = "return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    kept = page.browser.execute_script(script)
    true(f"the browser keeps {kept}", full_token() not in kept and "eyJ" not in kept)
    page.browser.refresh()
    page.press(page.find(".scheme-container button.authorize, .auth-wrapper button.authorize"))
    page.find(".modal-ux .auth-container input", what="a field for the token after a reload")
    page.press(page.find(".modal-ux button.close-modal"))
    page.wait("the page without the dialog", lambda: not page.all(".modal-ux"))


def operations_execute_as_they_stand(page):
    def is_complete():
        for section in page.all(".opblock-tag[data-is-open='false']"):
            section.click()
        return page.all(".opblock")

    page.wait("the operations", is_complete)
    blocks = {}
    for block in page.all(".opblock"):
        method = block.find_element(By.CSS_SELECTOR, ".opblock-summary-method").text.lower()
        blocks[method, page.all(".opblock-summary-path", block)[0].get_attribute("data-path")] = block
    for operation in AS_THEY_STAND:
        status, text = executed(page, blocks[operation])
        true(f"{operation}: {status} {text[:600]}", status == 200)
        page.screenshot(operation[0])


def executed(page, block):
    """Executes an operation with what the page has filled in; its status and what the page shows."""
    # The address of the page keeps open what was tried last.
    if not page.all(".opblock-body", block):
        page.click(page.find(".opblock-summary-control", block))
    page.click(page.wait("Try it out", lambda: page.all(".try-out__btn", block))[0])
    page.click(page.wait("Execute", lambda: page.all("button.execute", block))[0])
    shown = page.find(".live-responses-table tr.response .response-col_status", block, "the status of the answer")
    status, text = int(shown.text.split()[0]), page.find(".live-responses-table", block).text
    page.click(page.find(".opblock-summary-control", block))
    return status, text


def the_browser_found_nothing_wrong(page):
    severe = [entry["message"] for entry in page.browser.get_log("browser") if entry["level"] == "SEVERE"]
    # Chromium reports each refused request; what was refused is checked above.
    severe = [message for message in severe if "the server responded with a status of 4" not in message]
    equal("errors in the browser's console", severe, [])


def main():
    screenshots = Path(os.environ.get("SCREENSHOT_DIR") or tempfile.mkdtemp(prefix="customary-swagger-ui-"))
    screenshots.mkdir(parents=True, exist_ok=True)
    profile = tempfile.mkdtemp(prefix="chromium-profile-")
    browser = None
    try:
        browser = start_browser(profile)
        page = Page(browser, screenshots)
        the_root_leads_to_swagger_ui(page)
        the_token_is_accepted_by_authorize(page, full_token())
        block = the_create_can_be_tried_out(page)
        a_customer_is_created(page, block, "first")
        # What the page fills in by itself (an idempotency key, a flag) must not affect the next create.
        a_customer_is_created(page, block, "second")
        the_browser_found_nothing_wrong(page)
        the_token_is_in_no_storage(page)
        the_token_is_accepted_by_authorize(page, setting("CUSTOMARY_FIRST_TOKEN"))
        operations_execute_as_they_stand(page)
        the_browser_found_nothing_wrong(page)
    except (Failed, WebDriverException) as error:
        if browser:
            browser.save_screenshot(str(screenshots / "failed.png"))
        sys.exit(f"swagger_ui: {str(error).strip()} (screenshots in {screenshots})")
    finally:
        if browser:
            browser.quit()
        shutil.rmtree(profile, ignore_errors=True)
    print(f"swagger_ui: two customers created in the browser, {len(AS_THEY_STAND)} operations executed as they stand; {page.taken} screenshots in {screenshots}")


if __name__ == "__main__":
    main()
