"""The console in Chromium, worked by keyboard alone.

A walk names links, buttons and fields by their English accessible names; in French the same walk looks for the French
words, which stand beside the English ones in the console's own texts. Nothing is focused by a program: a walk reaches each
element with Tab, and presses, types and chooses with keys. Only the choice of a file, whose dialog belongs to the
operating system, is handed over.
"""

import email
import email.policy
import re
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from portal_walk import AXE, is_gone
from support import Failed, equal, server_url, setting, true
from swagger_ui import Page

SOURCES = Path(__file__).resolve().parents[2] / "src"
# The most bytes of a page of the console, before compression.
PAGE_BYTES = 100_000
# The greatest shift of a page's content that nobody notices.
SHIFT_MAX = 0.02
TABS_MAX = 400
SECONDS = 30


@dataclass(frozen=True)
class Way:
    """How a walk is walked."""

    width: int
    dark: bool
    french: bool
    script: bool

    def __str__(self):
        words = ("dark" if self.dark else "light", "fr" if self.french else "en", "script" if self.script else "no-script")
        return "-".join((str(self.width), *words))


HEIGHTS = {390: 844, 768: 1024, 1280: 800, 1920: 1080}
# Eight ways in which every two of the settings meet.
WAYS = [
    Way(width, dark, french, script)
    for width, dark, french, script in (
        (390, False, False, True),
        (768, True, True, False),
        (1280, True, False, True),
        (1920, False, True, True),
        (390, True, True, False),
        (768, False, False, True),
        (1280, False, True, False),
        (1920, True, False, False),
    )
]


@cache
def french_words():
    """The French of each English text of the console, of the payer's pages, and of what they share; often there are several."""
    found = {}
    text = r'"((?:[^"\\]|\\.)*)"'
    # `name: "English", "French";` and, for states, `("kind", "English", "French")`.
    pairs = re.compile(rf'\w+:\s*{text},\s*{text};|\("\w*", {text}, {text}\)')
    for path in sorted(path for folder in ("console", "portal", "web") for path in SOURCES.glob(f"{folder}/**/*.rs")):
        for match in pairs.findall(path.read_text()):
            english, french = match[:2] if match[0] else match[2:]
            found.setdefault(english.replace('\\"', '"'), []).append(french.replace('\\"', '"'))
    return found


# What a person could name: what has a role that a key can work, or what a label names.
NAMED = "a[href], button, summary, input:not([type=hidden]), select, textarea"


class Console:
    def __init__(self, browser, screenshots, way, entry):
        self.browser = browser
        self.page = Page(browser, screenshots)
        self.way = way
        self.entry = entry
        self.axe = Path(setting("AXE")).read_text()
        width = way.width
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=HEIGHTS[width], deviceScaleFactor=1, mobile=way.width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if way.dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", features=[scheme])
        self.cdp("Network.enable")
        language = "fr-FR,fr;q=0.9" if way.french else "en-GB,en;q=0.9"
        self.cdp("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
        self.allow_script(way.script)

    def cdp(self, command, **values):
        return self.browser.execute_cdp_cmd(command, values)

    def allow_script(self, may):
        self.cdp("Emulation.setScriptExecutionDisabled", value=not may)

    # Words.

    def words(self, english):
        """What may stand on the page for an English text, with plain blanks between words."""
        return [flat(text) for text in french_words().get(english, [english])] if self.way.french else [flat(english)]

    def says(self, english):
        """Waits until the page has the words, or one of their translations."""
        words = self.words(english)
        self.page.wait(f"the words {words}", lambda: any(self.holds(text) for text in words))

    def holds(self, text):
        return text in flat(self.page.find("body").text) or text.lower() in flat(self.page.find("body").text).lower()

    def says_not(self, english):
        true(f"the page says {english!r}", not any(self.holds(text) for text in self.words(english)))

    def heading(self, english):
        words = self.words(english)
        self.page.wait(f"the heading {words}", lambda: flat(self.page.all("h1")[0].text) in words)

    # Where the walk is.

    def open(self, path):
        """Opens an address of the console, as a bookmark does."""
        self.browser.get(f"{server_url()}/console{path}")

    def at(self, path=""):
        self.open(f"/at/{self.entry}{path}")

    # Keys.

    def keys(self, *keys):
        ActionChains(self.browser, duration=0).send_keys(*keys).perform()

    def focused(self):
        return self.browser.switch_to.active_element

    def tab_to(self, element):
        """Reaches an element with Tab, or with Shift and Tab if it stands before the focus."""
        before = self.browser.execute_script(
            "return !!(arguments[0].compareDocumentPosition(document.activeElement) & 4)"
            " && document.activeElement !== document.body",
            element,
        )
        for _ in range(TABS_MAX):
            if self.browser.execute_script("return document.activeElement === arguments[0]", element):
                self.focus_is_seen(element)
                return element
            modifiers = {"modifiers": 8} if before else {}
            for kind in ("rawKeyDown", "keyUp"):
                self.cdp("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9, **modifiers)
        raise Failed(f"{TABS_MAX} presses of Tab do not reach {element.get_attribute('outerHTML')[:200]}")

    def focus_is_seen(self, element):
        """What has the focus is drawn, is in the window, and shows that it has the focus."""
        name = element.get_attribute("outerHTML")[:160]
        true(f"nothing shows that the focus is at {name}", self.browser.execute_script(RING, element))
        # The browser scrolls a moment later.
        self.page.wait(f"what has the focus: {name}", lambda: self.browser.execute_script(IN_WINDOW, element))

    def named(self, english, css=NAMED, within=None):
        """The first element that is drawn and has the accessible name, or the visible text."""
        words = {text.strip() for text in self.words(english)}

        def found():
            # Asking the browser for the name of each element of a page takes long.
            for element in self.browser.execute_script(PERHAPS_NAMED, css, within, list(words)):
                if not element.is_displayed():
                    continue
                if self.name_of(element) in words or flat(element.text) in words:
                    return element
            return None

        return self.page.wait(f"{css[:40]} named {sorted(words)}", found)

    def name_of(self, element):
        # A star that marks a required field is not part of its name.
        return flat(element.accessible_name).removesuffix("*").strip()

    def within(self, css):
        """A part of the page to look in."""
        return self.page.find(css)

    # What a person does.

    def _leave(self, act):
        old = self.page.find("html")
        act()
        self.page.wait("the next page", lambda: is_gone(old) and self.is_loaded())

    def is_loaded(self):
        return self.browser.execute_script("return document.readyState") == "complete"

    def follow(self, english, within=None):
        """Follows a link with Enter."""
        self.tab_to(self.named(english, "a[href]", within))
        self._leave(lambda: self.keys(Keys.ENTER))

    def press(self, english, within=None, sure=None):
        """Presses a button that sends a form. `sure` answers the question whether one is sure, if the page asks one."""
        self.tab_to(self.named(english, "button", within))

        def act():
            self.keys(Keys.ENTER)
            if sure is not None and self.way.script:
                self.page.wait("a question", lambda: self.browser.switch_to.alert)
                self.browser.switch_to.alert.accept()

        self._leave(act)

    def fold(self, english, within=None):
        """Opens what is folded, if it is not open yet."""
        summary = self.named(english, "summary", within)
        if not self.browser.execute_script("return arguments[0].parentElement.open", summary):
            self.tab_to(summary)
            self.keys(Keys.ENTER)

    def menu(self, english):
        """Follows an entry of the menu."""
        self.follow(english, self.within("nav.side"))

    def field(self, english, within=None):
        return self.named(english, "input:not([type=hidden]), select, textarea", within)

    def fill(self, fields, within=None):
        """Types into fields, ticks boxes (True, False), and chooses from lists, each by its label."""
        for english, value in fields.items():
            self.put(self.field(english, within), value)

    def put(self, element, value):
        kind = element.get_attribute("type")
        if kind == "file":
            element.send_keys(str(value))
            return
        self.tab_to(element)
        if kind in ("checkbox", "radio"):
            if element.is_selected() != value:
                self.keys(Keys.SPACE)
        elif element.tag_name == "select":
            self.choose(element, value)
        elif kind == "date":
            self.type_date(element, value)
        else:
            self.chord(Keys.CONTROL, "a")
            self.keys(Keys.DELETE, value)
            held = element.get_property("value").replace("\r\n", "\n")
            equal(f"what {self.name_of(element)} holds", held, value)

    def choose(self, element, english):
        """Moves with the arrows to an option that has one of the words, or begins with one."""
        words = self.words(english)
        options = [flat(option.get_attribute("textContent")) for option in self.page.all("option", element)]
        found = [n for n, option in enumerate(options) if option in words] or [
            n for n, option in enumerate(options) if option.startswith(tuple(words))
        ]
        true(f"no option {words} among {options[:20]}", found)
        self.keys(Keys.HOME, *[Keys.ARROW_DOWN] * found[0])
        equal("the chosen option", element.get_property("selectedIndex"), found[0])

    def type_date(self, element, value):
        """Types a date as the browser's own order of day and month wants it; `value` is YYYY-MM-DD."""
        year, month, day = value.split("-")
        self.keys(month + day + year)
        if element.get_property("value") != value:
            self.keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT, day + month + year)
        equal("the typed date", element.get_property("value"), value)

    def radio(self, english, within=None):
        """Chooses a radio button by its label. The group is one stop of Tab; the arrows move in it."""
        self.arrow_to(self.named(english, "input[type=radio]", within))

    def arrow_to(self, target):
        """Moves in a group of radio buttons to one of them, and chooses it."""
        name = target.get_attribute("name")
        group = [e for e in self.page.all(f"input[type=radio][name='{name}']") if e.is_displayed()]
        chosen = next((e for e in group if e.is_selected()), None)
        self.tab_to(chosen or group[0])
        if not chosen:
            self.keys(Keys.SPACE)
        for _ in group:
            if target.is_selected():
                return
            self.keys(Keys.ARROW_DOWN)
        true(f"the arrows do not reach {self.name_of(target)!r}", target.is_selected())

    def sign_in(self, email, password):
        self.open("/sign-in")
        self.fill({"E-mail": email, "Password": password})
        self.press("Sign in", self.within("main"))

    def sign_out(self):
        self.fold_who()
        self.press("Sign out")
        self.heading("Sign in")

    def fold_who(self):
        summary = self.page.find("details.who summary")
        self.tab_to(summary)
        self.keys(Keys.ENTER)

    def key_leads(self, key, english):
        """Presses a shortcut that opens a page; its heading."""
        true("a shortcut needs script", self.way.script)
        self._leave(lambda: self.keys(key))
        self.heading(english)

    def heading_is(self, text):
        """As `heading`, for a text that is in no language."""
        self.page.wait(f"the heading {text!r}", lambda: flat(self.page.all("h1")[0].text) == text)

    def money(self, amount, currency="USD"):
        """An amount as pages write it; `amount` is as 1,240.50."""
        if not self.way.french:
            return f"{amount} {currency}"
        return f"{amount.translate(str.maketrans(',.', ' ,'))} {currency}"

    # Mail.

    def mails_to(self, recipient):
        """The texts of the mails that the server sent to an address, oldest first."""
        found = []
        for path in sorted(Path(setting("MAIL_DIR")).glob("*.eml"), key=lambda path: path.stat().st_mtime_ns):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if message["To"] == recipient:
                found.append(message.get_body(("plain",)).get_content())
        return found

    # What pages must be.

    def looks(self, name):
        """Checks that the page fits the window, is small, does not shift, and that axe-core finds nothing; takes its picture."""
        where = f"{name} ({self.way})"
        wide = self.browser.execute_script("return document.documentElement.scrollWidth")
        true(f"{where} is {wide} px wide", wide <= self.way.width)
        size = len(self.browser.execute_script("return document.documentElement.outerHTML").encode())
        true(f"{where} has {size} bytes", size <= PAGE_BYTES)
        self.no_personal_value_in_the_address()
        # The page's own scripts do not run late when scripts are allowed for a moment.
        self.allow_script(True)
        try:
            shift = self.browser.execute_async_script(SHIFT)
            true(f"{where} shifts by {shift}", shift <= SHIFT_MAX)
            self.browser.execute_script(self.axe)
            equal(f"what axe-core finds wrong with {where}", self.browser.execute_async_script(AXE), [])
        finally:
            self.allow_script(self.way.script)
        self.picture(f"{name}-{self.way}")

    def picture(self, name):
        """A picture of the whole page."""
        tall = self.browser.execute_script("return document.documentElement.scrollHeight")
        width, height = self.way.width, HEIGHTS[self.way.width]
        self.cdp(
            "Emulation.setDeviceMetricsOverride", width=width, height=max(tall, height), deviceScaleFactor=1, mobile=width < 600
        )
        self.page.screenshot(name)
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def no_personal_value_in_the_address(self):
        address = self.browser.current_url
        true(f"the address says who it is: {address}", "@" not in address and "%40" not in address)

    def radio_beginning(self, english):
        """As `radio`, for one whose label goes on after the words."""
        words = tuple(self.words(english))
        found = [one for one in self.page.all("input[type=radio]") if self.name_of(one).startswith(words)]
        true(f"no choice begins with {words}", found)
        self.arrow_to(found[0])

    def enter(self):
        """Presses Enter where the focus is, and waits for the next page."""
        self._leave(lambda: self.keys(Keys.ENTER))

    def chord(self, modifier, key):
        """Presses a key while another one is held."""
        ActionChains(self.browser, duration=0).key_down(modifier).send_keys(key).key_up(modifier).perform()

    def eventually(self, what, condition):
        """Waits for what the page shows by itself with script, and after a reload without."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                if condition():
                    return
            except WebDriverException:
                pass
            time.sleep(0.1)
            if not self.way.script:
                self.browser.refresh()
        raise Failed(f"after {SECONDS} s: {what}")

    # Parts of pages, and files.

    def group(self, english):
        """The part of a form, or the card, under a heading."""
        words = set(self.words(english))
        over = "ancestor::*[self::fieldset or self::section or self::form or self::dialog][1]"

        def found():
            for title in self.page.all("legend, h2, h3"):
                if flat(title.text) in words:
                    return title.find_element(By.XPATH, over)
            return None

        return self.page.wait(f"a part with the heading {sorted(words)}", found)

    def facts(self, within=None):
        """The names and values of the lists of facts and figures."""
        pairs = self.page.all("dl > div", within)
        texts = [[flat(one.get_attribute("textContent")) for one in self.page.all("dt, dd", pair)] for pair in pairs]
        return {pair[0]: pair[1] for pair in texts if len(pair) == 2}

    def fact(self, english, within=None):
        """The value of a fact or figure by its English name."""
        found = self.facts(within)
        return next((found[text] for text in self.words(english) if text in found), None)

    def rows(self, within=None):
        """The texts of a table's cells, row by row."""
        rows = self.page.all("tbody tr", within)
        return [[flat(cell.text) for cell in self.page.all("td", row)] for row in rows]

    def download(self, english, within=None):
        """Presses a link or a button that leads to a file; where the file was put."""
        return self.download_of(self.named(english, "a[href], button", within))

    def download_of(self, element):
        folder = Path(tempfile.mkdtemp(prefix="customary-download-"))
        self.cdp("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        self.tab_to(element)
        self.keys(Keys.ENTER)

        def whole():
            return [path for path in folder.iterdir() if path.suffix != ".crdownload" and path.stat().st_size]

        return self.page.wait("the file", whole)[0]

    def follow_to(self, link):
        """Follows a link that was found by its place."""
        self.tab_to(link)
        self._leave(lambda: self.keys(Keys.ENTER))


PERHAPS_NAMED = """
const [css, within, words] = arguments;
const plain = (text) => (text ?? "").replace(/\\s+/g, " ").trim().toLowerCase();
const mentions = (one) => {
  const labels = [...(one.labels ?? [])].map((label) => label.textContent);
  const others = (one.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent);
  const own = [one.textContent, one.getAttribute("aria-label"), one.title, one.placeholder, one.type === "submit" ? one.value : ""];
  const all = plain([...own, ...labels, ...others].join(" "));
  return words.some((word) => all.includes(plain(word)));
};
return [...(within ?? document).querySelectorAll(css)].filter(mentions);
"""
RING = """
const style = getComputedStyle(arguments[0]);
return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none";
"""
IN_WINDOW = """
const box = arguments[0].getBoundingClientRect();
return box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
"""
# How far the content moved by itself since the page was opened.
SHIFT = """
const done = arguments[arguments.length - 1];
const watch = new PerformanceObserver(() => {});
watch.observe({type: "layout-shift", buffered: true});
setTimeout(() => done(watch.takeRecords().filter((s) => !s.hadRecentInput).reduce((sum, s) => sum + s.value, 0)), 0);
"""


def flat(text):
    return " ".join(text.split())


__all__ = ["WAYS", "By", "Console", "Keys", "Way", "flat", "french_words"]
