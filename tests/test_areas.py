"""Areas: two vintages whose codes collide, names with and without diacritics, did you mean."""

from __future__ import annotations

import re
import shutil
import unicodedata

import numpy as np
import pandas as pd
import pytest

from povstudy.areas import (
    area_label,
    area_name,
    areas_of,
    one_territory,
    parts_of,
    region_of,
    resolve_area,
    siblings_of,
    successor_of,
    tile_layout,
    vintage_of,
)
from povstudy.errors import AreaError, StandardError
from povstudy.sources import build, load, project_home


@pytest.fixture(scope="module")
def table():
    return load("areas").set_index("area")


def refused(call, *arguments, error=AreaError):
    with pytest.raises(error) as caught:
        call(*arguments)
    return str(caught.value)


def test_there_are_63_and_34_provinces_six_regions_and_a_country(table):
    provinces = table[table["level"] == "province"]
    assert (provinces["vintage"] == "63").sum() == 63
    assert (provinces["vintage"] == "34").sum() == 34
    assert (table["level"] == "region").sum() == 6
    assert (table["level"] == "country").sum() == 1


def test_all_34_codes_stand_among_the_63_and_some_for_another_place(table):
    old = table[table["vintage"].eq("63") & table["level"].eq("province")].set_index("code")["name"]
    new = table[table["vintage"].eq("34")].set_index("code")["name"]
    assert set(new.index) <= set(old.index)
    moved = {code for code in new.index if new[code] != old[code]}
    assert {"91", "44"} <= moved
    assert (old["91"], new["91"]) == ("Kiên Giang", "An Giang")
    assert (old["44"], new["44"]) == ("Quảng Bình", "Quảng Trị")


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("vn63-89", "vn63-89"),
        ("VN34-91", "vn34-91"),
        ("89", "vn63-89"),
        ("Kiên Giang", "vn63-91"),
        ("kien giang", "vn63-91"),
        ("  KIÊN   GIANG ", "vn63-91"),
        (unicodedata.normalize("NFD", "Kiên Giang"), "vn63-91"),
        ("Ba Ria Vung Tau", "vn63-77"),
        ("Đồng bằng sông Cửu Long", "vn-mekong-river-delta"),
        ("mekong river delta", "vn-mekong-river-delta"),
        ("DONG BANG SONG CUU LONG", "vn-mekong-river-delta"),
        ("Dak Nong", "vn63-67"),
        ("Vietnam", "vn"),
        ("việt nam", "vn"),
        ("Tri Tôn", "vn63-891"),
        ("891", "vn63-891"),
        ("vn-ha-tay", "vn-ha-tay"),
    ],
)
def test_a_text_that_can_mean_one_area_is_accepted(text, area):
    assert resolve_area(text) == area


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("91", ["vn63-91 (Kiên Giang,", "vn34-91 (An Giang,"]),
        ("44", ["vn63-44 (Quảng Bình,", "vn34-44 (Quảng Trị,"]),
        ("An Giang", ["vn63-89 (An Giang,", "vn34-91 (An Giang,"]),
        ("an giang", ["vn63-89", "vn34-91"]),
        ("01", ["vn63-01 (Hà Nội,", "vn34-01 (Hà Nội,"]),
        ("Sài Gòn", ["vn63-79", "vn34-79"]),
    ],
)
def test_a_text_that_can_mean_several_is_refused_with_all_of_them(text, candidates):
    message = refused(resolve_area, text)
    assert message.startswith(f"'{text}' can mean ")
    assert message.endswith("Give the id of the one you mean.")
    for candidate in candidates:
        assert candidate in message
    assert "until 30 June 2025" in message
    assert "since 1 July 2025" in message


def test_an_unknown_text_gets_the_closest_areas():
    message = refused(resolve_area, "Kien Gang")
    assert message.startswith("There is no area 'Kien Gang'. Did you mean vn63-91 (Kiên Giang,")
    assert "povstudy.load('areas') lists them all" in message
    both = refused(resolve_area, "An Gian")
    assert "vn63-89 (An Giang" in both
    assert "vn34-91 (An Giang" in both


@pytest.mark.parametrize("text", ['"); import os #', "<script>", "../../x", "=cmd()", "", "   ", "x" * 10_000, "\x00"])
def test_a_hostile_text_is_only_unknown(text):
    message = refused(resolve_area, text)
    assert message.startswith("There is no area ")
    assert len(message) < 1000


def test_a_hint_is_given_for_an_id_that_does_not_exist():
    for call in (area_name, area_label, parts_of, region_of, siblings_of, successor_of):
        assert refused(call, "vn63-98").startswith("There is no area with the id 'vn63-98'. Did you mean 'vn63-9")


def test_names_in_two_languages():
    assert area_name("vn63-89") == area_name("vn63-89", "vi") == "An Giang"
    assert (area_name("vn63-77"), area_name("vn63-77", "vi")) == ("Ba Ria - Vung Tau", "Bà Rịa - Vũng Tàu")
    assert area_name("vn-mekong-river-delta") == "Mekong River Delta"
    assert area_name("vn", "vi") == "Việt Nam"


def test_a_label_tells_the_two_an_giang_apart():
    assert area_label("vn63-89") == "An Giang (to June 2025)"
    assert area_label("vn34-91", "vi") == "An Giang (từ 7/2025)"
    assert area_label("vn-southeast", "vi") == "Đông Nam Bộ"


def test_every_old_province_is_part_of_exactly_one_new_one(table):
    new = table[table["vintage"].eq("34")].index
    parts = [part for area in new for part in parts_of(area)]
    old = table[table["vintage"].eq("63") & table["level"].eq("province")].index
    assert sorted(parts) == sorted(old)
    for area in new:
        assert {successor_of(part) for part in parts_of(area)} == {area}
    assert parts_of("vn34-91") == ("vn63-89", "vn63-91")
    assert sum(len(parts_of(area)) == 1 for area in new) == 11


def test_parts_of_regions_and_the_country():
    assert len(parts_of("vn")) == 63
    assert len(parts_of("vn-mekong-river-delta")) == 13
    assert parts_of("vn63-89") == ("vn63-89",)
    assert parts_of("vn63-891") == ("vn63-891",)
    assert sum(len(parts_of(region)) for region in siblings_of("vn-southeast")) == 63 - len(parts_of("vn-southeast"))


def test_only_the_63_have_a_successor():
    message = refused(successor_of, "vn34-91")
    assert message.startswith("vn34-91 has no successor: only the 63 provinces")


def test_a_new_province_over_two_regions_says_so(table):
    assert region_of("vn34-91") == region_of("vn63-91") == "vn-mekong-river-delta"
    assert region_of("vn34-80") == ""
    assert table.loc["vn34-80", "note"] == "Its parts lie in 2 regions: Southeast and Mekong River Delta."
    spanning = table[table["vintage"].eq("34") & table["region"].eq("")]
    assert set(spanning["name"]) == {"Tây Ninh", "Gia Lai", "Quảng Ngãi", "Đắk Lắk", "Lâm Đồng", "Phú Thọ", "Bắc Ninh"}
    assert spanning["note"].str.startswith("Its parts lie in 2 regions:").all()
    single = table[table["vintage"].eq("34") & table["region"].ne("")]
    assert (single["note"] == "").all()


def test_siblings_share_level_and_vintage():
    assert len(siblings_of("vn63-89")) == 62
    assert "vn34-91" not in siblings_of("vn63-89")
    assert "vn-ha-tay" not in siblings_of("vn63-89")
    assert len(siblings_of("vn34-91")) == 33
    assert len(siblings_of("vn-southeast")) == 5
    assert set(siblings_of("vn63-891")) >= {"vn63-890", "vn63-883"}
    assert siblings_of("vn") == ()


def test_vintages():
    assert [vintage_of(a) for a in ("vn63-89", "vn34-91", "vn", "vn-southeast", "idn-32", "vn63-891")] == [
        "63", "34", "", "", "", "63"]  # fmt: skip


def test_both_vintages_in_one_line_are_refused():
    one_territory(["vn63-89", "vn63-91", "vn", "vn-southeast"])
    one_territory(["vn34-91", "vn34-01", "vn"])
    one_territory([])
    message = refused(one_territory, ["vn", "vn63-89", "vn34-91"], error=StandardError)
    assert message.startswith("vn63-89 (one of the 63 provinces until 30 June 2025) and vn34-91 (one of the 34")
    assert message.endswith("Forecast the parts and add them up: parts_of('vn34-91') names them.")


def test_what_a_sweep_means():
    assert areas_of("all") == parts_of("vn")
    assert areas_of("vn-southeast") == parts_of("vn-southeast")
    assert areas_of("vn63-89, Kien Giang") == ("vn63-89", "vn63-91")
    assert areas_of("vn") == ("vn",)
    assert "can mean" in refused(areas_of, "vn63-01,An Giang")


def test_dates_of_the_two_vintages_meet(table):
    old = table[table["vintage"].eq("63") & table["level"].eq("province")]
    assert set(old["valid_to"]) == {"2025-06-30"}
    assert set(table.loc[table["vintage"].eq("34"), "valid_from"]) == {"2025-07-01"}


def test_ids_are_safe_as_file_names(table):
    assert all(re.fullmatch(r"[a-z0-9-]+", area) for area in table.index)


def test_a_users_areas_are_found_by_id_and_name(root, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    shutil.copytree(root / "data" / "raw", tmp_path / "data" / "raw", ignore=shutil.ignore_patterns("local"))
    monkeypatch.setenv("POVSTUDY_HOME", str(tmp_path))
    build()
    assert "There is no area 'Jawa Barat'" in refused(resolve_area, "Jawa Barat")
    local = tmp_path / "data" / "raw" / "local"
    local.mkdir()
    text = (
        "area,year,value,standard,area_name,parent\nidn-32,2020,8,BPS,Jawa Barat,idn-0\nidn-33,2020,9,BPS,<b>,idn-0\n"
    )
    text += "idn-0,2020,9,BPS,Indonesia,\nidn-9,2020,9,BPS,Elsewhere,\n"
    (local / "idn.csv").write_text(text, encoding="utf-8")
    assert resolve_area("jawa barat") == resolve_area("IDN-32") == "idn-32"
    assert area_name("idn-33") == area_label("idn-33") == "<b>"
    assert siblings_of("idn-32") == ("idn-33",)
    assert region_of("idn-32") == ""
    assert parts_of("idn-32") == ("idn-32",)
    assert "vn63-89" in {resolve_area("89")}


@pytest.fixture(scope="module", params=["63", "34"])
def layout(request):
    """Tiles of a vintage with the point, in km, that each stands for."""
    raw = project_home() / "data" / "raw"
    centres = pd.read_csv(raw / "province_centres.csv", dtype={"code_63": str})
    codes = pd.read_csv(raw / "area_crosswalk.csv", dtype=str).set_index("code_63")["code_34"]
    code = centres["code_63"] if request.param == "63" else centres["code_63"].map(codes)
    middle = centres.groupby("vn" + request.param + "-" + code)[["lat", "lon"]].mean()
    tiles = tile_layout(request.param).set_index("area")
    km = {"north": 111.2 * middle["lat"], "east": 111.2 * np.cos(np.radians(16)) * middle["lon"]}
    return tiles.join(pd.DataFrame(km))


def test_every_province_has_a_tile_of_its_own(layout, table):
    vintage = layout.index[0][2:4]
    provinces = table[table["level"].eq("province") & table["vintage"].eq(vintage)]
    assert set(layout.index) == set(provinces.index)
    assert not layout.duplicated(["row", "column"]).any()
    assert layout[["row", "column"]].min().tolist() == [0, 0]


def test_neighbours_stay_neighbours_on_the_tile_map(layout):
    """The four nearest provinces are at most two cells away in 97 of 100 pairs, one and a quarter on average."""
    places, cells = layout[["north", "east"]].to_numpy(), layout[["row", "column"]].to_numpy()
    distance = np.linalg.norm(places[:, None] - places[None], axis=-1)
    nearest = np.argsort(distance, axis=1)[:, 1:5]
    steps = np.abs(cells[:, None] - cells[None]).max(axis=-1)[np.arange(len(layout))[:, None], nearest]
    assert (steps <= 2).mean() >= 0.97
    assert steps.mean() <= 1.25


def test_the_north_is_at_the_top_and_the_coast_on_the_right(layout):
    """Of two provinces 100 km or more apart, the northern stands in a higher row and the western further left."""
    for axis, cell, sign in (("north", "row", -1), ("east", "column", 1)):
        apart = sign * (layout[axis].to_numpy()[:, None] - layout[axis].to_numpy()[None])
        steps = (layout[cell].to_numpy()[:, None] - layout[cell].to_numpy()[None])[apart > 100]
        assert (steps >= 0).mean() >= 0.97, axis
        assert (steps > 0).mean() >= 0.85, axis


def test_the_tile_map_has_the_shape_of_the_country(layout):
    """The waist is narrow, the coast of the south lies east of it, the deltas are wide."""
    rows = layout["row"].max() + 1
    wide = layout.groupby("row")["column"].agg(lambda columns: columns.max() - columns.min() + 1)
    middle = wide[(wide.index > 0.3 * rows) & (wide.index < 0.5 * rows)]
    assert middle.max() < wide[wide.index < 0.25 * rows].max()
    assert middle.max() < wide[wide.index > 0.7 * rows].max()
    east = layout.groupby("row")["column"].max()
    assert east[east.index > 0.55 * rows].max() > east[east.index < 0.4 * rows].max()


def test_a_tile_map_of_another_vintage_is_refused():
    message = refused(tile_layout, "29")
    assert "There is no tile map of the vintage '29'" in message
    assert "63 (the provinces until 30 June 2025) or 34" in message
