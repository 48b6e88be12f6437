#include "builder/micro/ova_medium.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>

#include <memory>

#include "builder/micro/disk_medium.h"
#include "fs/base/file.h"

namespace granary {

namespace {
constexpr size_t kMaxDiskFileBytes = size_t{1} << 30;
constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kScratchGiB = 20, kMemoryMiB = 1024, kProcessors = 2;

struct FreeWriter {
  void operator()(archive* writer) const { ::archive_write_free(writer); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};

Status add(archive* writer, const std::string& name, ByteView bytes, UnixSeconds time) {
  const std::unique_ptr<archive_entry, FreeEntry> entry(::archive_entry_new());
  ::archive_entry_set_pathname(entry.get(), name.c_str());
  ::archive_entry_set_filetype(entry.get(), AE_IFREG);
  ::archive_entry_set_perm(entry.get(), 0644);
  ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
  ::archive_entry_set_mtime(entry.get(), time, 0);
  if (::archive_write_header(writer, entry.get()) == ARCHIVE_OK &&
      ::archive_write_data(writer, bytes.data(), bytes.size()) == static_cast<la_ssize_t>(bytes.size()))
    return Done{};
  return Error{Code::kInternal, str("cannot write ", name, ": ", ::archive_error_string(writer))};
}

// One line of the hardware: its properties in the order of their names, which importers ask for.
struct Item {
  std::string address, address_on_parent, allocation_units, automatic, connection, description, element_name, resource,
      id, parent, subtype, type, quantity;

  std::string text() const {
    const std::pair<const char*, const std::string&> properties[] = {{"Address", address},
                                                                     {"AddressOnParent", address_on_parent},
                                                                     {"AllocationUnits", allocation_units},
                                                                     {"AutomaticAllocation", automatic},
                                                                     {"Connection", connection},
                                                                     {"Description", description},
                                                                     {"ElementName", element_name},
                                                                     {"HostResource", resource},
                                                                     {"InstanceID", id},
                                                                     {"Parent", parent},
                                                                     {"ResourceSubType", subtype},
                                                                     {"ResourceType", type},
                                                                     {"VirtualQuantity", quantity}};
    std::string lines = "      <Item>\n";
    for (const auto& [name, value] : properties) {
      if (!value.empty()) lines += str("        <rasd:", name, ">", value, "</rasd:", name, ">\n");
    }
    return lines + "      </Item>\n";
  }
};

std::vector<Item> hardware() {
  const auto numbered = [](const char* id, const char* name, const char* type) {
    Item item;
    item.id = id;
    item.element_name = name;
    item.type = type;
    return item;
  };
  Item processors = numbered("1", "processors", "3");
  processors.allocation_units = "hertz * 10^6";
  processors.quantity = str(kProcessors);
  Item memory = numbered("2", "memory", "4");
  memory.allocation_units = "byte * 2^20";
  memory.quantity = str(kMemoryMiB);
  Item controller = numbered("3", "IDE controller", "5");
  controller.address = "0";
  controller.subtype = "PIIX4";
  Item boot = numbered("4", "boot disk", "17");
  boot.parent = "3";
  boot.address_on_parent = "0";
  boot.resource = "ovf:/disk/boot";
  Item scratch = numbered("5", "scratch disk", "17");
  scratch.parent = "3";
  scratch.address_on_parent = "1";
  scratch.resource = "ovf:/disk/scratch";
  Item network = numbered("6", "network card", "10");
  network.automatic = "true";
  network.connection = "network";
  network.subtype = "E1000";
  return {processors, memory, controller, boot, scratch, network};
}
}  // namespace

std::string ovf_text(const MediumContent& content, const std::string& disk_name, uint64_t disk_bytes,
                     uint64_t file_bytes) {
  std::string items;
  for (const Item& item : hardware()) items += item.text();
  return str(
      R"(<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <References>
    <File ovf:href=")",
      disk_name, R"(" ovf:id="boot-file" ovf:size=")", file_bytes, R"("/>
  </References>
  <DiskSection>
    <Info>The boot disk, and an empty one for scratch</Info>
    <Disk ovf:capacity=")",
      disk_bytes,
      R"(" ovf:diskId="boot" ovf:fileRef="boot-file" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
    <Disk ovf:capacity=")",
      kScratchGiB * kGiB,
      R"(" ovf:diskId="scratch" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection>
    <Info>The network that the machine boots from</Info>
    <Network ovf:name="network"><Description>DHCP, and a way to the repository</Description></Network>
  </NetworkSection>
  <VirtualSystem ovf:id="granary">
    <Info>Granary micro image, )",
      content.identity.brief(), R"(</Info>
    <Name>granary</Name>
    <OperatingSystemSection ovf:id="101">
      <Info>Linux, 64 bit</Info>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>What it takes</Info>
      <System>
        <vssd:ElementName>hardware</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>granary</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-10</vssd:VirtualSystemType>
      </System>
)",
      items, R"(    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
)");
}

Status write_ova(const MediumContent& content, const std::string& scratch, const std::string& path) {
  constexpr const char *kDisk = "granary-disk1.vmdk", *kDescription = "granary.ovf", *kDigests = "granary.mf";
  const std::string disk_path = scratch + "/" + kDisk;
  const uint64_t disk_bytes = TRY(write_vmdk_of_size(content, scratch, disk_path));
  const Bytes disk = TRY(read_file(disk_path, kMaxDiskFileBytes));
  const std::string description = ovf_text(content, kDisk, disk_bytes, disk.size());
  const std::string digests =
      str("SHA256(", kDescription, ")= ", Digest::of(description), "\nSHA256(", kDisk, ")= ", Digest::of(disk), "\n");

  const std::unique_ptr<archive, FreeWriter> writer(::archive_write_new());
  ::archive_write_set_format_ustar(writer.get());
  if (::archive_write_open_filename(writer.get(), path.c_str()) != ARCHIVE_OK)
    return Error{Code::kInternal, str("cannot write ", printable(path), ": ", ::archive_error_string(writer.get()))};
  TRY(add(writer.get(), kDescription, description, content.time));  // first, so says the standard
  TRY(add(writer.get(), kDigests, digests, content.time));
  TRY(add(writer.get(), kDisk, disk, content.time));
  if (::archive_write_close(writer.get()) != ARCHIVE_OK)
    return Error{Code::kInternal, str("cannot write ", printable(path), ": ", ::archive_error_string(writer.get()))};
  return Done{};
}

}  // namespace granary
