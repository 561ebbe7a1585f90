package carryover.validator;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.utilities.npm.NpmPackage;

/** HL7's validator for R4 with the packages of some guides; it reaches no network. */
final class Guides {

  private static final Set<String> TYPES = Set.of("StructureDefinition", "ValueSet", "CodeSystem");

  private Guides() {}

  static FhirValidator validator(FhirContext fhir, List<Path> packages) throws IOException {
    var guides = new PrePopulatedValidationSupport(fhir);
    for (var each : packages) load(fhir, guides, each);
    var unknownCodes = new UnknownCodeSystemWarningValidationSupport(fhir);
    // Most code systems are licensed or too large to be here: that a code is unknown is no finding.
    unknownCodes.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.INFORMATION);
    var support =
        new ValidationSupportChain(
            new DefaultProfileValidationSupport(fhir),
            guides,
            new CommonCodeSystemsTerminologyService(fhir),
            new InMemoryTerminologyServerValidationSupport(fhir),
            new SnapshotGeneratingValidationSupport(fhir),
            unknownCodes);
    var module = new FhirInstanceValidator(support);
    module.setErrorForUnknownProfiles(false);
    return fhir.newValidator().registerValidatorModule(module);
  }

  private static void load(FhirContext fhir, PrePopulatedValidationSupport guides, Path file) throws IOException {
    try (var bytes = new BufferedInputStream(Files.newInputStream(file))) {
      var parser = fhir.newJsonParser();
      var guide = NpmPackage.fromPackage(bytes);
      for (var name : guide.listResources(TYPES)) {
        try (var resource = guide.loadResource(name)) {
          guides.addResource(parser.parseResource(resource));
        }
      }
    }
  }
}
