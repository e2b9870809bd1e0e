#include "claw/tile.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::BundleId;
using claw::TileId;

TEST_CASE("tile: paths are the specification's, and read back", "[claw]") {
    const auto [id, path] = GENERATE(table<TileId, std::string>({
        {{0, 0, 256}, "tile/0/000"},
        {{0, 0, 1}, "tile/0/000.p/1"},
        {{0, 1234067, 8}, "tile/0/x001/x234/067.p/8"},
        {{1, 999, 255}, "tile/1/999.p/255"},
        {{2, 1000, 256}, "tile/2/x001/000"},
        {{63, UINT64_MAX, 256}, "tile/63/x018/x446/x744/x073/x709/x551/615"},
    }));
    CHECK(claw::tile_path(id) == path);
    CHECK(claw::parse_tile_path(path).value() == id);
}

TEST_CASE("tile: the paths of a bundle of entries likewise", "[claw]") {
    CHECK(claw::entries_path(1234067, 256) == "tile/entries/x001/x234/067");
    CHECK(claw::entries_path(0, 17) == "tile/entries/000.p/17");
    CHECK(claw::parse_entries_path("tile/entries/000.p/17").value() == BundleId{0, 17});
    CHECK(claw::parse_entries_path("tile/entries/x001/x234/067").value() == BundleId{1234067, 256});
    CHECK_FALSE(claw::parse_tile_path("tile/entries/000").ok());
    CHECK_FALSE(claw::parse_entries_path("tile/0/000").ok());
}

TEST_CASE("tile: every other spelling of a path is refused", "[claw]") {
    for (const std::string rest : {"",
                                   "0",
                                   "00",
                                   "0000",
                                   "1000",
                                   "x000/000",
                                   "x001/00",
                                   "001/000",
                                   "x001/x000",
                                   "x001",
                                   "x",
                                   "/000",
                                   "000/",
                                   "000.p",
                                   "000.p/",
                                   "000.p/0",
                                   "000.p/256",
                                   "000.p/01",
                                   "000.p/1/",
                                   "000.p/1.p/1",
                                   "-01",
                                   "+01",
                                   "00a",
                                   "x001//000",
                                   "000 ",
                                   "000\n",
                                   "x018/x446/x744/x073/x709/x551/616",
                                   "x001/x000/x000/x000/x000/x000/x000/000"}) {
        INFO(rest);
        CHECK_FALSE(claw::parse_tile_path("tile/0/" + rest).ok());
        CHECK_FALSE(claw::parse_entries_path("tile/entries/" + rest).ok());
    }
    for (const char* path : {"", "tile", "tile/", "tile//000", "tile/64/000", "tile/00/000",
                             "tile/-1/000", "/tile/0/000", "Tile/0/000", "tile/0", "0/000"}) {
        INFO(path);
        CHECK_FALSE(claw::parse_tile_path(path).ok());
    }
}

TEST_CASE("tile: hashes stand one behind the other, as many as the width says", "[claw]") {
    const std::vector<claw::TreeHash> hashes{claw::leaf_hash(base::as_bytes("a")),
                                             claw::leaf_hash(base::as_bytes("b"))};
    const std::string content = claw::encode_tile(hashes);
    CHECK(content.size() == 64);
    CHECK(claw::decode_tile(base::as_bytes(content), 2).value() == hashes);
    for (const std::size_t width : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
        CHECK_FALSE(claw::decode_tile(base::as_bytes(content), width).ok());
    }
    CHECK_FALSE(claw::decode_tile({}, 0).ok());
    CHECK_FALSE(claw::decode_tile({}, std::size_t{1} << 59U).ok());
}

TEST_CASE("tile: entries stand behind their lengths, as many as the width says", "[claw]") {
    const std::vector<std::string> entries{"", "one", std::string(claw::kMaxEntryBytes, 'x')};
    const std::string content = claw::encode_entries(entries);
    CHECK(content.substr(0, 9) == std::string("\0\0\0\3one\xff\xff", 9));
    CHECK(claw::decode_entries(content, 3).value() == entries);
    CHECK(claw::encode_entries({}).empty());
    CHECK_FALSE(claw::decode_entries(content, 2).ok());
    CHECK_FALSE(claw::decode_entries(content, 4).ok());
    CHECK_FALSE(claw::decode_entries(content.substr(0, content.size() - 1), 3).ok());
    CHECK_FALSE(claw::decode_entries(content + '\0', 4).ok());
}
