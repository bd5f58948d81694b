"""A product's procedures in the console, walked in a real browser by keyboard alone.

WALK names the walk, a module in the folder walks whose function `walk(console)` does what one person does. Each walk goes
several ways: in windows of 390 to 1920 px, light and dark, in English and French, with script and without. Each way has an
entrypoint of its own: STORES names as many test stores with the sandbox provider as there are ways. WAYS chooses the ways
by their numbers in console_browser.py, such as 0,3. FIRST_OWNER is the file with the link that makes the first owner,
MAIL_DIR the server's folder of mails, AXE the file axe.min.js. Every page must fit its window, have at most 100 kB, not
shift, and give axe-core nothing to report. Pictures go to SCREENSHOT_DIR (default: a new temporary folder, named in the
output). Further settings: see support.py.
"""

import importlib
import os
import re
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from selenium.common.exceptions import WebDriverException

from console_browser import WAYS, Console
from support import Failed, equal, setting
from swagger_ui import start_browser

OWNER = "olive@example.test"
PASSWORD = "quartz-meadow-58"


def the_first_owner_begins(console):
    """Opens the link of the first start and chooses a name and a password."""
    console.browser.get(Path(setting("FIRST_OWNER")).read_text().strip())
    console.looks("begin")
    console.fill({"Your name": "Olive Marsh", "E-mail": OWNER, "Password": PASSWORD, "The password again": PASSWORD})
    console.press("Begin")
    console.heading("Overview")


def nothing_is_wrong(console):
    """The browser must report no blocked, missing or broken resource. Refused forms are expected."""
    severe = [entry["message"] for entry in console.browser.get_log("browser") if entry["level"] == "SEVERE"]
    meant = re.compile(r"status of (403|404|409|410|422|429)")
    equal("errors in the browser's console", [message for message in severe if not meant.search(message)], [])


def main():
    walk = importlib.import_module(f"walks.{setting('WALK')}").walk
    stores = setting("STORES").split(",")
    ways = [WAYS[int(number)] for number in setting("WAYS", "0,1,2,3,4,5,6,7").split(",")]
    screenshots = Path(os.environ.get("SCREENSHOT_DIR") or tempfile.mkdtemp(prefix="customary-console-"))
    screenshots.mkdir(parents=True, exist_ok=True)
    taken = 0
    for number, (way, store) in enumerate(zip(ways, stores, strict=False)):
        profile = tempfile.mkdtemp(prefix="chromium-profile-")
        browser = None
        try:
            browser = start_browser(profile)
            console = Console(browser, screenshots, way, store)
            console.page.taken = taken
            if number == 0:
                the_first_owner_begins(console)
            else:
                console.sign_in(OWNER, PASSWORD)
            console.heading("Overview")
            console.at()
            walk(console)
            nothing_is_wrong(console)
            taken = console.page.taken
        except (Failed, WebDriverException) as error:
            if browser:
                browser.save_screenshot(str(screenshots / "failed.png"))
            lines = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
            where = " ".join(line for line in lines if line.startswith(("console_", f"{setting('WALK')}.py")))
            sys.exit(f"{setting('WALK')} ({way}), {where}: {str(error).strip()} (pictures in {screenshots})")
        finally:
            if browser:
                browser.quit()
            shutil.rmtree(profile, ignore_errors=True)
    print(f"{setting('WALK')}: walked {len(ways)} ways; {taken} pictures in {screenshots}")


if __name__ == "__main__":
    main()
