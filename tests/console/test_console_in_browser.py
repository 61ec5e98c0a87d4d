"""The page in a real browser, with the simulated world behind it. Needs Chromium."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120
MOST_STEPS_TO_STOP = 8

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium with its driver here (Debian: chromium and chromium-driver)"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    folder = tmp_path_factory.mktemp("console")
    command = [sys.executable, "-m", "agent.cli", "console", "--policy", "expert", "--port", "0", "--json"]
    command += ["--llm", "rules", "--no-rehearsal", "--speed", "4", "--memory", str(folder / "memory.db")]
    command += ["--things", "red cube, blue cube, lemon, white bowl, plate", "--seed", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as console:
        assert console.stdout is not None
        url = json.loads(console.stdout.readline())["url"]
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        words = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
        for word in (*words, f"--user-data-dir={folder / 'profile'}"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(DRIVER)))
        wide(driver, 1280, 800)
        driver.get(url)
        wait_for_phase(driver, "idle")
        yield driver
        driver.quit()
        console.terminate()
        assert console.wait(30) == 0


def wide(driver: webdriver.Chrome, width: int, height: int) -> None:
    sizes = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", sizes)


def wait_for_phase(driver: webdriver.Chrome, phase: str) -> None:
    WebDriverWait(driver, PATIENCE_S, 0.05).until(lambda d: d.find_element(By.ID, "phase").text == phase)


def say(driver: webdriver.Chrome, words: str) -> None:
    before = len(said(driver))
    driver.find_element(By.ID, "words").send_keys(words, Keys.ENTER)
    WebDriverWait(driver, PATIENCE_S, 0.05).until(lambda d: len(said(d)) > before)


def said(driver: webdriver.Chrome) -> list[str]:
    return list(
        driver.execute_script("return [...document.querySelectorAll('#entries li')].map(e => e.lastChild.textContent)")
    )


def states(driver: webdriver.Chrome) -> list[str]:
    return list(driver.execute_script("return [...document.querySelectorAll('#plan li')].map(e => e.dataset.state)"))


def test_an_instruction_is_carried_out_while_one_looks_on(browser: webdriver.Chrome) -> None:
    say(browser, "put the lemon in the bowl")
    WebDriverWait(browser, PATIENCE_S, 0.05).until(lambda d: states(d) == ["running"])
    first = browser.find_element(By.ID, "camera-0").get_attribute("src")
    WebDriverWait(browser, PATIENCE_S, 0.05).until(
        lambda d: d.find_element(By.ID, "camera-0").get_attribute("src") != first
    )
    wait_for_phase(browser, "idle")
    assert states(browser) == ["done"]
    assert said(browser) == ["put the lemon in the bowl", "put the lemon in the white bowl."]
    widths = browser.execute_script("return [0, 1].map(n => document.getElementById(`camera-${n}`).naturalWidth)")
    assert widths == [480, 320]


def test_a_question_is_answered_with_a_button(browser: webdriver.Chrome) -> None:
    say(browser, "put the cube on the plate")
    wait_for_phase(browser, "idle")
    options = browser.find_elements(By.CSS_SELECTOR, ".options button")
    assert [option.text for option in options] == ["red cube", "blue cube"]
    options[1].click()
    wait_for_phase(browser, "moving")
    wait_for_phase(browser, "idle")
    assert said(browser)[-1] == "put the blue cube on the plate."


def test_stop_stops_the_arm_in_mid_motion(browser: webdriver.Chrome) -> None:
    say(browser, "put the red cube in the bowl")
    WebDriverWait(browser, PATIENCE_S, 0.05).until(lambda d: states(d) == ["running"])
    browser.find_element(By.ID, "stop").click()
    wait_for_phase(browser, "idle")
    assert states(browser) == ["stopped"]
    text = browser.find_element(By.ID, "stopped").text
    assert 0 <= int(text.removeprefix("stopped within ").split()[0]) <= MOST_STEPS_TO_STOP


def test_a_reload_loses_nothing(browser: webdriver.Chrome) -> None:
    say(browser, "my bowl is the white one")
    wait_for_phase(browser, "idle")
    before = said(browser)
    browser.refresh()
    WebDriverWait(browser, PATIENCE_S, 0.05).until(lambda d: said(d) == before)
    assert "put the lemon in the bowl" in before and states(browser) == ["stopped"]


def test_memory_is_listed_and_forgotten(browser: webdriver.Chrome) -> None:
    notes = browser.find_elements(By.CSS_SELECTOR, "#notes li span")
    assert [note.text for note in notes] == ["my bowl is white bowl"]
    browser.find_element(By.CSS_SELECTOR, "#notes button").click()
    WebDriverWait(browser, PATIENCE_S, 0.05).until(lambda d: not d.find_elements(By.CSS_SELECTOR, "#notes li"))


@pytest.mark.parametrize("width", [1280, 400])
def test_it_fits_wide_and_narrow_windows(browser: webdriver.Chrome, width: int) -> None:
    wide(browser, width, 800)
    overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert browser.execute_script(overflow) <= 0
    stop = browser.find_element(By.ID, "stop").rect
    assert stop["x"] >= 0 and stop["x"] + stop["width"] <= width and stop["y"] < 100
    assert stop["width"] >= 90 and stop["height"] >= 40


def test_text_is_never_markup_and_the_browser_does_not_complain(browser: webdriver.Chrome) -> None:
    say(browser, "<img src=x onerror=alert(1)>")
    wait_for_phase(browser, "idle")
    assert "<img src=x onerror=alert(1)>" in said(browser)
    assert browser.find_elements(By.CSS_SELECTOR, "#entries img") == []
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
