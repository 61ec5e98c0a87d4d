"""The page in a real browser: it loads without a complaint, its film plays, its tables sort. Needs Chromium."""

import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from agent.evaluation.report import write_report
from agent.recording.mp4 import encode
from tests.evaluation.runs import mixed_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver here (Debian: chromium and chromium-driver)"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    profile = tmp_path_factory.mktemp("profile")
    for word in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(word)
    # No host resolves: whatever the page shows, it carries.
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(DRIVER)))
    folder = tmp_path_factory.mktemp("runs")
    run, other = mixed_run(folder / "run"), mixed_run(folder / "other", policy="hold")
    (run / "films").mkdir()
    pictures = [np.full((64, 64, 3), 12 * shade, dtype=np.uint8) for shade in range(20)]
    encode(run / "films" / "cube-in-bowl-4.mp4", pictures, fps=5)
    driver.get(write_report(run, against=other).as_uri())
    yield driver
    driver.quit()


def first_column(table: WebElement) -> list[str]:
    return [cell.text for cell in table.find_elements(By.CSS_SELECTOR, "tbody tr td:first-child")]


def test_the_page_loads_without_a_complaint(browser: webdriver.Chrome) -> None:
    assert browser.title == "vla on bowl"
    assert browser.find_elements(By.CSS_SELECTOR, "#rates svg circle")
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_a_film_plays(browser: webdriver.Chrome) -> None:
    video = browser.find_element(By.TAG_NAME, "video")
    browser.execute_script("arguments[0].play()", video)
    played = WebDriverWait(browser, 20).until(
        lambda driver: driver.execute_script("return arguments[0].currentTime > 0.4 && arguments[0].videoWidth", video)
    )
    assert played == 64


def test_columns_sort_up_and_down_and_the_overall_row_stays_last(browser: webdriver.Chrome) -> None:
    table = browser.find_element(By.CSS_SELECTOR, "#rates table")
    rate = table.find_elements(By.CSS_SELECTOR, "th button")[2]
    assert rate.text == "success"
    rate.click()
    assert first_column(table) == ["perturbed", "ball & <cup>", "cube in bowl", "overall"]
    rate.click()
    assert first_column(table) == ["cube in bowl", "ball & <cup>", "perturbed", "overall"]
    assert table.find_elements(By.CSS_SELECTOR, "th")[2].get_attribute("aria-sort") == "descending"
    table.find_elements(By.CSS_SELECTOR, "th button")[0].click()
    assert first_column(table) == ["ball & <cup>", "cube in bowl", "perturbed", "overall"]


def test_numbers_sort_as_numbers(browser: webdriver.Chrome) -> None:
    table = browser.find_element(By.CSS_SELECTOR, "#failures table")
    table.find_elements(By.CSS_SELECTOR, "th button")[1].click()
    seeds = [int(cell.text) for cell in table.find_elements(By.CSS_SELECTOR, "tbody td:nth-child(2)")]
    assert seeds == sorted(seeds)
    assert seeds[-1] == 9


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_and_paper_differ_in_light_and_in_the_dark(browser: webdriver.Chrome, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    style = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    ink, paper = (brightness(colour) for colour in browser.execute_script(style))
    assert (paper - ink > 150) if scheme == "light" else (ink - paper > 150)


def brightness(colour: str) -> float:
    """Mean of the red, green and blue in `rgb(r, g, b)`."""
    return float(np.mean([float(part) for part in colour.split("(")[1].rstrip(")").split(",")[:3]]))
