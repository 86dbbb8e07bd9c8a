trainyard_test(energy_test SOURCES energy_test.cpp LINK trainyard_core_energy)
trainyard_test(gates_training_test SOURCES gates_training_test.cpp
  LINK trainyard_core_train trainyard_core_data trainyard_core_base)
trainyard_test(rng_test SOURCES rng_test.cpp LINK trainyard_core_rng)
trainyard_test(network_test SOURCES network_test.cpp
  LINK trainyard_core_nn trainyard_core_kernels trainyard_core_base)
trainyard_test(loss_test SOURCES loss_test.cpp LINK trainyard_core_loss)
trainyard_test(kernels_test SOURCES kernels_test.cpp LINK trainyard_core_kernels trainyard_core_rng)
trainyard_test(gradient_test SOURCES gradient_test.cpp
  LINK trainyard_core_train trainyard_core_kernels trainyard_core_loss trainyard_core_rng)
trainyard_test(train_test SOURCES train_test.cpp
  LINK trainyard_core_train trainyard_core_kernels trainyard_core_rng trainyard_core_base)
trainyard_test(training_spec_test SOURCES training_spec_test.cpp
  LINK trainyard_core_train trainyard_core_base)
trainyard_test(determinism_test SOURCES determinism_test.cpp
  LINK trainyard_core_train trainyard_core_kernels trainyard_core_eval trainyard_core_data)
target_compile_definitions(determinism_test PRIVATE
  TRAINYARD_SOURCE_DIR="${CMAKE_CURRENT_LIST_DIR}/../..")
trainyard_test(eval_test SOURCES eval_test.cpp
  LINK trainyard_core_eval trainyard_core_train trainyard_core_kernels trainyard_core_rng)
trainyard_test(checkpoint_test SOURCES checkpoint_test.cpp
  LINK trainyard_core_checkpoint trainyard_core_data trainyard_core_base)
trainyard_test(optim_test SOURCES optim_test.cpp LINK trainyard_core_optim trainyard_core_kernels)
trainyard_test(export_test SOURCES export_test.cpp
  LINK trainyard_core_export trainyard_core_eval trainyard_core_data trainyard_core_base
       nlohmann_json::nlohmann_json ZLIB::ZLIB)
