/* Modules: what the fake nvcc made is a shared object, which the host's loader loads. */
#include "simulator.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace corexsim
{

namespace
{

std::set<LoadedModule *> modules;

template <class T> const T *at(const std::vector<unsigned char> &image, std::size_t offset)
{
    return offset + sizeof(T) <= image.size() ? reinterpret_cast<const T *>(image.data() + offset)
                                              : nullptr;
}

/* The size of an ELF image in memory: linkers write the table of sections last. */
std::size_t image_bytes(const unsigned char *image)
{
    Elf64_Ehdr header;
    std::memcpy(&header, image, sizeof(header));
    return header.e_shoff + std::size_t{header.e_shnum} * header.e_shentsize;
}

struct SharedVariable {
    std::string owner; /* the mangled name of the function that declares it, without _Z */
    SharedRange range;
};

/* __shared__ variables are thread-local ones: the symbol table tells whose they are. */
std::vector<SharedVariable> shared_variables(const std::vector<unsigned char> &image)
{
    std::vector<SharedVariable> found;
    auto *header = at<Elf64_Ehdr>(image, 0);
    for (unsigned i = 0; i < header->e_shnum; i++) {
        auto *section =
            at<Elf64_Shdr>(image, header->e_shoff + std::size_t{i} * header->e_shentsize);
        if (!section || section->sh_type != SHT_SYMTAB)
            continue;
        auto *strings = at<Elf64_Shdr>(image, header->e_shoff + std::size_t{section->sh_link} *
                                                                    header->e_shentsize);
        for (std::size_t at_byte = 0; strings && at_byte < section->sh_size;
             at_byte += sizeof(Elf64_Sym)) {
            auto *symbol = at<Elf64_Sym>(image, section->sh_offset + at_byte);
            if (!symbol || ELF64_ST_TYPE(symbol->st_info) != STT_TLS || symbol->st_size == 0)
                continue;
            std::string name(reinterpret_cast<const char *>(image.data() + strings->sh_offset +
                                                            symbol->st_name));
            if (name.find("corexsim") != std::string::npos)
                continue;
            std::string owner = name.compare(0, 3, "_ZZ") == 0 ? name.substr(3) : "";
            found.push_back({owner, {symbol->st_value, symbol->st_size}});
        }
    }
    return found;
}

/* Whether a name like `1kPfE4tile` is of something in the function `_Z1kPf` or `k`. */
bool declared_in(const std::string &owner, const std::string &function)
{
    std::string encoded = function.compare(0, 2, "_Z") == 0
                              ? function.substr(2)
                              : std::to_string(function.size()) + function;
    return owner.compare(0, encoded.size() + 1, encoded + "E") == 0;
}

std::string symbol_of(const void *function)
{
    Dl_info found;
    return dladdr(function, &found) && found.dli_sname ? found.dli_sname : "";
}

/*
 * A kernel's own shared variables, and those of device functions, which any kernel may call. Of
 * the latter, which may be many templates, only the hungriest counts for the size.
 */
void assign_shared(LoadedModule &module, Function &function,
                   const std::vector<SharedVariable> &variables)
{
    std::string own = symbol_of(function.kernel->function);
    std::vector<std::string> kernels;
    for (const Kernel *kernel = *module.info->kernels; kernel; kernel = kernel->next)
        kernels.push_back(symbol_of(kernel->function));
    std::map<std::string, std::size_t> others;
    for (const SharedVariable &variable : variables) {
        bool mine = declared_in(variable.owner, own);
        bool theirs = !mine && std::any_of(kernels.begin(), kernels.end(), [&](auto &kernel) {
            return declared_in(variable.owner, kernel);
        });
        if (theirs)
            continue;
        function.shared.push_back(variable.range);
        if (mine)
            function.static_shared += variable.range.bytes;
        else
            others[variable.owner.substr(0, variable.owner.rfind('E'))] += variable.range.bytes;
    }
    std::size_t most = 0;
    for (auto &entry : others)
        most = std::max(most, entry.second);
    function.static_shared += most;
    function.max_dynamic_shared = MAX_SHARED - std::min(MAX_SHARED, function.static_shared);
}

struct ThreadLocalBlock {
    const void *inside;
    void *begin = nullptr;
};

int find_thread_local(dl_phdr_info *info, std::size_t, void *data)
{
    auto *wanted = static_cast<ThreadLocalBlock *>(data);
    auto *inside = static_cast<const unsigned char *>(wanted->inside);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const auto &header = info->dlpi_phdr[i];
        auto *begin = static_cast<unsigned char *>(info->dlpi_tls_data);
        if (header.p_type == PT_TLS && begin && inside >= begin &&
            inside < begin + header.p_memsz) {
            wanted->begin = begin;
            return 1;
        }
    }
    return 0;
}

CUresult bind(LoadedModule &module)
{
    module.info = static_cast<const Module *>(dlsym(module.handle, "corexsim_module"));
    if (!module.info || module.info->abi != ABI)
        return fail(CUDA_ERROR_NO_BINARY_FOR_GPU,
                    "the image was not made by this simulator's nvcc%s",
                    module.info ? ", but by an older one's" : "");
    if (module.info->shared_anchor) {
        ThreadLocalBlock block{module.info->shared_anchor()};
        dl_iterate_phdr(find_thread_local, &block);
        module.anchor_offset = static_cast<const unsigned char *>(block.inside) -
                               static_cast<unsigned char *>(block.begin);
    }
    std::vector<SharedVariable> variables = shared_variables(module.image);
    for (const Kernel *kernel = *module.info->kernels; kernel; kernel = kernel->next) {
        auto function = std::make_unique<Function>();
        function->module = &module;
        function->kernel = kernel;
        assign_shared(module, *function, variables);
        module.functions[symbol_of(kernel->function)] = std::move(function);
    }
    return CUDA_SUCCESS;
}

std::string path_of(const LoadedModule &module)
{
    return "/proc/self/fd/" + std::to_string(module.file);
}

void unload(LoadedModule *module)
{
    for (void *global : module->globals)
        remove_region(global);
    bool gone = !module->handle;
    if (module->handle) {
        dlclose(module->handle);
        gone = !dlopen(path_of(*module).c_str(), RTLD_NOW | RTLD_NOLOAD);
    }
    /* The loader knows objects by name too: that of one which stays must not be used again. */
    if (gone && module->file >= 0)
        close(module->file);
    modules.erase(module);
    delete module;
}

CUresult load(std::vector<unsigned char> image, Context *context, CUmodule *out)
{
    if (image.size() < sizeof(Elf64_Ehdr) || std::memcmp(image.data(), ELFMAG, SELFMAG) != 0)
        return fail(CUDA_ERROR_INVALID_IMAGE,
                    "not an object of this simulator's nvcc (PTX is not simulated)");
    auto *header = at<Elf64_Ehdr>(image, 0);
    if (header->e_type != ET_DYN || header->e_machine == 190 /* EM_CUDA */)
        return fail(CUDA_ERROR_NO_BINARY_FOR_GPU,
                    "the image was not made by this simulator's nvcc; is it first on PATH?");
    auto module = std::make_unique<LoadedModule>();
    module->context = context;
    module->image = std::move(image);
    module->handle = nullptr;
    module->file = memfd_create("cuda-module", MFD_CLOEXEC);
    std::size_t written = 0;
    while (module->file >= 0 && written < module->image.size()) {
        ssize_t count =
            write(module->file, module->image.data() + written, module->image.size() - written);
        if (count <= 0)
            break;
        written += static_cast<std::size_t>(count);
    }
    if (written != module->image.size()) {
        unload(module.release());
        return fail(CUDA_ERROR_OPERATING_SYSTEM, "memfd_create: %s", std::strerror(errno));
    }
    /* The loader knows files by inode, so each load is a module of its own, as it must be. */
    module->handle = dlopen(path_of(*module).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!module->handle) {
        CUresult result = fail(CUDA_ERROR_SHARED_OBJECT_INIT_FAILED, "%s", dlerror());
        unload(module.release());
        return result;
    }
    CUresult result = bind(*module);
    if (result != CUDA_SUCCESS) {
        unload(module.release());
        return result;
    }
    *out = module.release();
    modules.insert(*out);
    return CUDA_SUCCESS;
}

std::string known_names(const LoadedModule &module)
{
    std::string names;
    for (auto &entry : module.functions)
        names += (names.empty() ? "" : ", ") + entry.first;
    return names.empty() ? "none" : names;
}

} // namespace

void forget_modules(Context *context)
{
    for (auto module = modules.begin(); module != modules.end();) {
        LoadedModule *one = *module++;
        if (one->context == context)
            unload(one);
    }
}

bool valid_function(const Function *function)
{
    for (const LoadedModule *module : modules)
        for (auto &entry : module->functions)
            if (entry.second.get() == function)
                return true;
    return false;
}

} // namespace corexsim

using namespace corexsim;

namespace
{

CUresult find_module(CUmodule module, const char *routine)
{
    if (!modules.count(module))
        return fail(CUDA_ERROR_INVALID_HANDLE, "%s: the module is not loaded (any more)", routine);
    return CUDA_SUCCESS;
}

} // namespace

API cuModuleLoadData(CUmodule *module, const void *image)
{
    ENTER_CONTEXT();
    auto *bytes = static_cast<const unsigned char *>(image);
    if (std::memcmp(bytes, ELFMAG, SELFMAG) != 0)
        return load({}, context, module);
    return load({bytes, bytes + image_bytes(bytes)}, context, module);
}

API cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned, int *, void **)
{
    return cuModuleLoadData(module, image);
}

API cuModuleLoadFatBinary(CUmodule *module, const void *image)
{
    return cuModuleLoadData(module, image);
}

API cuModuleLoad(CUmodule *module, const char *path)
{
    ENTER_CONTEXT();
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return fail(CUDA_ERROR_FILE_NOT_FOUND, "cuModuleLoad: %s", path);
    std::vector<unsigned char> image((std::istreambuf_iterator<char>(file)),
                                     std::istreambuf_iterator<char>());
    return load(std::move(image), context, module);
}

API cuModuleUnload(CUmodule module)
{
    ENTER();
    RETURN_IF_FAILED(find_module(module, "cuModuleUnload"));
    CUresult drained = drain_context(module->context);
    unload(module);
    return drained;
}

API cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
    ENTER_CONTEXT();
    RETURN_IF_FAILED(find_module(module, "cuModuleGetFunction"));
    auto found = module->functions.find(name);
    if (found == module->functions.end())
        return fail(CUDA_ERROR_NOT_FOUND, "no kernel '%s'; the module has: %s", name,
                    known_names(*module).c_str());
    *function = found->second.get();
    return CUDA_SUCCESS;
}

API cuModuleGetFunctionCount(unsigned *count, CUmodule module)
{
    ENTER();
    RETURN_IF_FAILED(find_module(module, "cuModuleGetFunctionCount"));
    *count = static_cast<unsigned>(module->functions.size());
    return CUDA_SUCCESS;
}

API cuModuleGetGlobal_v2(CUdeviceptr *address, std::size_t *bytes, CUmodule module,
                         const char *name)
{
    ENTER_CONTEXT();
    RETURN_IF_FAILED(find_module(module, "cuModuleGetGlobal"));
    void *found = dlsym(module->handle, name);
    Dl_info info;
    ElfW(Sym) *symbol = nullptr;
    if (found)
        dladdr1(found, &info, reinterpret_cast<void **>(&symbol), RTLD_DL_SYMENT);
    Dl_info own;
    dladdr(module->info, &own);
    if (!symbol || ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT || info.dli_fbase != own.dli_fbase)
        return fail(CUDA_ERROR_NOT_FOUND, "no variable '%s' in the module", name);
    if (module->globals.insert(found).second)
        add_region(found, symbol->st_size, Kind::GLOBAL, context->device);
    if (address)
        *address = reinterpret_cast<CUdeviceptr>(found);
    if (bytes)
        *bytes = symbol->st_size;
    return CUDA_SUCCESS;
}
