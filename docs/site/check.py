"""Checks the built site: every link and anchor, then a browser that must see no error and ask nothing of the network.

    python docs/site/check.py site [report.html ...]

The reports that the command line writes are opened too. Without Chromium and its driver only the links are checked.
"""

import json
import shutil
import sys
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

#: what people look for -> a page that the search must offer
SEARCHES = {
    "kendall_tau": "api/metrics.html",
    "minmax": "api/games.html",
    "Nash averaging": "api/games.html",
    "exploitability": "api/games.html",
    "NashConv": "api/games.html",
    "Newman": "api/ratings.html",
    "style control": "api/ratings.html",
    "win ratio": "api/ratings.html",
    "OSI": "api/conjoint.html",
}
LOOPBACK = "http://127.0.0.1:"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
#: the search lives in a shadow tree; these ask for its input and its results
INPUT_IS_READY = (
    "return [...document.querySelectorAll('*')].some(e => e.shadowRoot?.activeElement?.tagName === 'INPUT')"
)
RESULTS = """return [...document.querySelectorAll('*')].filter(e => e.shadowRoot)
    .flatMap(e => [...e.shadowRoot.querySelectorAll('a[role=option]')].map(a => a.href))"""


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.assets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if "href" in found:
            (self.links if tag == "a" else self.assets).append(found["href"])
        if "src" in found:
            self.assets.append(found["src"])


def broken_links(site: Path) -> list[str]:
    """Links and anchors that lead nowhere, and assets that lie elsewhere."""
    pages = {path: _parse(path) for path in site.rglob("*.html")}
    return [
        f"{path.relative_to(site)}: {link}"
        for path, page in pages.items()
        for link in page.links + page.assets
        if not _resolves(site, path, link, pages, asset=link in page.assets)
    ]


def _parse(path: Path) -> _Links:
    page = _Links()
    page.feed(path.read_text())
    return page


def _resolves(site: Path, page: Path, link: str, pages: dict[Path, _Links], *, asset: bool) -> bool:
    if urlparse(link).scheme or link.startswith("//"):
        return not asset or link.startswith("data:")
    here = "/" + page.relative_to(site).as_posix()
    target, anchor = urldefrag(urljoin(here, link))
    file = site / unquote(target).lstrip("/")
    file = file / "index.html" if file.is_dir() else file
    return file.is_file() and (not anchor or file not in pages or unquote(anchor) in pages[file].anchors)


class Browser:
    """Headless Chromium that remembers what went wrong and what was asked for."""

    def __init__(self) -> None:
        from selenium import webdriver

        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
        self.troubles: list[str] = []

    def open(self, url: str) -> None:
        """Open a page and note its errors and its requests of other machines."""
        self.driver.get(url)
        self.note(url)

    def note(self, url: str) -> None:
        """Note what the logs say since the last call."""
        entries = self.driver.get_log("browser")
        self.troubles += [f"{url}: {entry['message']}" for entry in entries if entry["level"] in {"SEVERE", "WARNING"}]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            asked = message["params"].get("request", {}).get("url", LOOPBACK)
            if message["method"] == "Network.requestWillBeSent" and not asked.startswith((LOOPBACK, "data:", "blob:")):
                self.troubles.append(f"{url}: asks for {asked}")

    def found(self, words: str) -> list[str]:
        """Addresses that the search of the open page offers for these words."""
        from selenium.webdriver.support.ui import WebDriverWait

        self.driver.execute_script("document.querySelector('.md-search__button').click()")
        WebDriverWait(self.driver, 10).until(lambda driver: driver.execute_script(INPUT_IS_READY))
        self.driver.execute_cdp_cmd("Input.insertText", {"text": words})
        return WebDriverWait(self.driver, 10).until(lambda driver: driver.execute_script(RESULTS))


class _Quiet(SimpleHTTPRequestHandler):
    def log_request(self, *_: object) -> None:
        """Say nothing."""


def _serve(folder: Path) -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"{LOOPBACK}{server.server_port}/"


def browse(site: Path, reports: list[Path]) -> list[str]:
    """Open every page and report, search for what people look for; what went wrong."""
    browser, url = Browser(), _serve(site)
    try:
        for page in sorted(site.rglob("*.html")):
            browser.open(url + page.relative_to(site).as_posix())
        for report in reports:
            browser.open(_serve(report.parent) + report.name)
        for words, page in SEARCHES.items():
            browser.open(url)
            found = browser.found(words)
            if not any(address.startswith(url + page) for address in found):
                browser.troubles.append(f"search for {words!r} must find {page}, and finds {found[:5]}")
        browser.note(url)
        browser.troubles += _from_disk(browser, site)
    finally:
        browser.driver.quit()
    return browser.troubles


def _from_disk(browser: Browser, site: Path) -> list[str]:
    """Whether the search works where nothing serves the site."""
    browser.driver.get((site / "index.html").resolve().as_uri())
    found = browser.found("kendall_tau")
    return [] if any("api/metrics.html" in address for address in found) else [f"search from disk finds {found[:5]}"]


def main(site: Path, reports: list[Path]) -> int:
    """Print what is wrong; 0 where nothing is."""
    troubles = [f"link: {link}" for link in broken_links(site)]
    if CHROMIUM and shutil.which("chromedriver"):
        troubles += browse(site, reports)
    else:
        print("Not opened in a browser: chromium or chromedriver is not installed (Debian: chromium, chromium-driver).")
    print("\n".join(troubles) or f"{len(list(site.rglob('*.html')))} pages and {len(reports)} reports are fine.")
    return len(troubles) > 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(report).resolve() for report in sys.argv[2:]]))
