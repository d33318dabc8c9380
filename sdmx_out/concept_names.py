"""Names of agencies, concept schemes, concepts and type-wide code lists in three languages.

Here belong names only. They stand apart from `structures` because they are text to translate, not code.
"""

Names = dict[str, str]


def _names(en: str, fr: str, es: str) -> Names:
    return {"en": en, "fr": fr, "es": es}


AGENCY_NAMES = {
    "ILO": _names(
        "International Labour Organization",
        "Organisation internationale du Travail",
        "Organización Internacional del Trabajo",
    ),
    "ILMS": _names(
        "Labour migration statistics pipeline",
        "Chaîne de production des statistiques de migration de main-d'œuvre",
        "Cadena de producción de estadísticas de migración laboral",
    ),
    "SDMX": _names("SDMX", "SDMX", "SDMX"),
}

SCHEME_NAMES = {
    "CS_ILOSTAT": ("ILO", _names("ILOSTAT concepts", "Concepts d'ILOSTAT", "Conceptos de ILOSTAT")),
    "CS_CLASSIF_TYPE": (
        "ILO",
        _names("Classification types", "Types de classification", "Tipos de clasificación"),
    ),
    "CS_NOTE_TYPE": ("ILO", _names("Note types", "Types de note", "Tipos de nota")),
    "CS_ILMS": (
        "ILMS",
        _names("Concepts of the pipeline", "Concepts de la chaîne de production", "Conceptos de la cadena"),
    ),
}

_CLASSIFICATIONS = {
    "SEX": _names("Sex", "Sexe", "Sexo"),
    "AGE": _names("Age", "Âge", "Edad"),
    "EDU": _names("Education", "Niveau d'instruction", "Nivel de instrucción"),
    "ECO": _names("Economic activity", "Activité économique", "Actividad económica"),
    "OCU": _names("Occupation", "Profession", "Ocupación"),
    "STE": _names("Status in employment", "Situation dans l'emploi", "Situación en el empleo"),
    "CBR": _names("Place or country of birth", "Lieu ou pays de naissance", "Lugar o país de nacimiento"),
    "CCT": _names("Citizenship", "Citoyenneté", "Ciudadanía"),
    "CRS": _names("Country of residence", "Pays de résidence", "País de residencia"),
    "CDS": _names("Country of destination", "Pays de destination", "País de destino"),
    "CPR": _names("Country of previous residence", "Pays de résidence précédente", "País de residencia anterior"),
    "MIG": _names("Migration status", "Statut migratoire", "Situación migratoria"),
    "LMS": _names("Labour market status", "Situation sur le marché du travail", "Situación en el mercado laboral"),
    "GEO": _names("Type of area", "Type de zone", "Tipo de zona"),
}

CONCEPTS = {
    "CS_ILOSTAT": {
        "REF_AREA": _names("Reference area", "Zone de référence", "Área de referencia"),
        "FREQ": _names("Frequency", "Fréquence", "Frecuencia"),
        "MEASURE": _names("Measure", "Mesure", "Medida"),
        "TIME_PERIOD": _names("Time period", "Période", "Período"),
        "OBS_VALUE": _names("Observation value", "Valeur d'observation", "Valor de la observación"),
        "OBS_STATUS": _names("Observation status", "Statut de l'observation", "Estado de la observación"),
        "UNIT_MEASURE_TYPE": _names("Unit of measure type", "Type d'unité de mesure", "Tipo de unidad de medida"),
        "UNIT_MEASURE": _names("Unit of measure", "Unité de mesure", "Unidad de medida"),
        "UNIT_MULT": _names("Unit multiplier", "Multiplicateur d'unité", "Multiplicador de la unidad"),
        "DECIMALS": _names("Decimals", "Décimales", "Decimales"),
        "UPPER_BOUND": _names(
            "Upper confidence limit (95 %)",
            "Limite supérieure de confiance (95 %)",
            "Límite superior de confianza (95 %)",
        ),
        "LOWER_BOUND": _names(
            "Lower confidence limit (95 %)",
            "Limite inférieure de confiance (95 %)",
            "Límite inferior de confianza (95 %)",
        ),
    },
    "CS_CLASSIF_TYPE": _CLASSIFICATIONS,
    "CS_NOTE_TYPE": {
        "SOURCE": _names("Source", "Source", "Fuente"),
        "NOTE_SOURCE": _names("Notes on the source", "Notes sur la source", "Notas sobre la fuente"),
        "NOTE_INDICATOR": _names("Notes on the indicator", "Notes sur l'indicateur", "Notas sobre el indicador"),
        "NOTE_CLASSIF": _names(
            "Notes on the classification", "Notes sur la classification", "Notas sobre la clasificación"
        ),
    },
    "CS_ILMS": {
        "STANDARD_ERROR": _names("Standard error", "Erreur type", "Error estándar"),
        "CONF_STATUS": _names("Confidentiality status", "Statut de confidentialité", "Estado de confidencialidad"),
        "CV": _names("Coefficient of variation", "Coefficient de variation", "Coeficiente de variación"),
        "DF": _names("Degrees of freedom", "Degrés de liberté", "Grados de libertad"),
        "P_VALUE": _names(
            "P-value (two-sided t test of 0)",
            "Valeur p (test t bilatéral de 0)",
            "Valor p (prueba t bilateral de 0)",
        ),
        "N_BAND": _names(
            "Band of the number of sample persons",
            "Tranche du nombre de personnes de l'échantillon",
            "Tramo del número de personas de la muestra",
        ),
        "METHOD": _names("Method of the standard error", "Méthode de l'erreur type", "Método del error estándar"),
    },
}

LIST_NAMES = {"MEASURE": _names("Measure", "Mesure", "Medida"), **_CLASSIFICATIONS}
