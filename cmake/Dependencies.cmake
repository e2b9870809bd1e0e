# What we link, each from a Debian 12 package; docs/adr/0002-libraries.md says why each.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
find_package(Boost 1.81 REQUIRED COMPONENTS headers json)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
pkg_check_modules(LIBP11 REQUIRED IMPORTED_TARGET libp11)
pkg_check_modules(CRYPTOKI REQUIRED IMPORTED_TARGET p11-kit-1) # for its pkcs11.h only; nothing of p11-kit is linked
pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)
pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(TSS2 REQUIRED IMPORTED_TARGET tss2-esys tss2-sys tss2-mu tss2-tctildr)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)

add_library(cryptoki_headers INTERFACE)
target_include_directories(cryptoki_headers SYSTEM INTERFACE ${CRYPTOKI_INCLUDE_DIRS})

# Asio and Beast are compiled once, here, not in every file that uses them.
add_library(asio STATIC ${CMAKE_CURRENT_LIST_DIR}/asio.cpp)
target_link_libraries(asio PUBLIC Boost::headers Threads::Threads)
target_compile_definitions(asio PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
    BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_NO_TYPEID)
