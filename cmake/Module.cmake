# clawsigner_module(<folder> SOURCES … [FAST …] HEADERS … [DEPS …] [PRIVATE_DEPS …])
#
# A folder is one static library and one namespace. Its headers are reachable only as "<folder>/<file>.h", and only by targets
# that link it: the include directory it exports holds nothing but a link to that one folder. A forbidden include
# therefore does not compile. DEPS are seen by whoever links the module; PRIVATE_DEPS are not. FAST are further sources, those that
# every signature runs through; the others are optimised for size: what runs once a request or less costs the process more as
# memory than it would save as time. A source includes its own header first (scripts/lint holds it to that), so that header stands
# alone; those without a source are compiled by themselves by the target all_verify_interface_header_sets.
function(clawsigner_module name)
    cmake_parse_arguments(M "" "" "SOURCES;FAST;HEADERS;DEPS;PRIVATE_DEPS" ${ARGN})
    set(root ${CMAKE_BINARY_DIR}/include/${name})
    file(MAKE_DIRECTORY ${root})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${name} ${root}/${name} SYMBOLIC)

    add_library(${name} STATIC ${M_SOURCES} ${M_FAST})
    foreach(header IN LISTS M_HEADERS)
        string(REGEX REPLACE "h$" "cpp" source ${header})
        if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${source})
            list(APPEND with_source ${root}/${name}/${header})
        else()
            list(APPEND without_source ${root}/${name}/${header})
        endif()
    endforeach()
    target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${root} FILES ${with_source})
    if(without_source)
        target_sources(${name} PUBLIC FILE_SET without_source TYPE HEADERS BASE_DIRS ${root} FILES ${without_source})
        set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON INTERFACE_HEADER_SETS_TO_VERIFY without_source)
    endif()
    target_link_libraries(${name} PUBLIC ${M_DEPS} PRIVATE clawsigner_flags ${M_PRIVATE_DEPS})
    set_source_files_properties(${M_SOURCES} PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-Os>)
    if(CLAWSIGNER_SANITIZE)
        clawsigner_precompile(${name})
    endif()
    set_target_properties(${name} PROPERTIES OUTPUT_NAME clawsigner_${name})
endfunction()
