# Tests of core/base and core/data, and their parsers' every error.
trainyard_test(core_base_test
  SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/error_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/file_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/thread_team_test.cpp
  LINK trainyard_core_base absl::cord)

trainyard_test(core_data_test
  SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/dataset_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/gates_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/generate_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ingest_arrays_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ingest_csv_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ingest_gzip_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/ingest_mnist_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/npy_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/playground_test.cpp
  LINK trainyard_core_data ZLIB::ZLIB)
# Where ../shared is looked for.
target_compile_definitions(core_data_test PRIVATE
  TRAINYARD_SOURCE_DIR="${CMAKE_CURRENT_LIST_DIR}/../..")
